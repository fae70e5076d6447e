// What is chosen: one exchange, or two side by side.

import { TABS, state, write } from "./address.js";
import { $, ask, make } from "./dom.js";
import { differences, facts, views } from "./views.js";

const detail = $("detail"), list = $("list");
let shown = [];

export async function choose(id) {
  state.chosen = id;
  if (state.beside === id) state.beside = null;
  if (state.tab === "Send again") state.tab = TABS[0];
  write();
  mark(true);
  await show();
}

export function mark(scrolls) {
  document.body.dataset.view = state.chosen === null ? "list" : "detail";
  for (const row of list.querySelectorAll('[aria-selected="true"]')) row.setAttribute("aria-selected", "false");
  const row = state.chosen === null ? null : $(`row-${state.chosen}`);
  if (row) {
    row.setAttribute("aria-selected", "true");
    if (scrolls) row.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", row.id);
  } else list.removeAttribute("aria-activedescendant");
}

export function leave() {
  state.chosen = state.beside = null;
  write();
  mark();
  empty();
}

export function empty(text) {
  shown = [];
  detail.replaceChildren(make("p", { class: "hint" }, text || "No request is chosen. Arrow keys or j and k move in the list, / searches, Esc goes back to the list."));
}

export async function show() {
  const id = state.chosen, beside = state.beside;
  if (id === null) { empty(); return; }
  const found = await Promise.all([beside, id].filter((one) => one !== null).map((one) => ask(`exchanges/${one}`)));
  if (id !== state.chosen || beside !== state.beside) return;
  const gone = found.find((one) => !one.messages);
  if (gone) { empty(gone.error); return; }
  const last = found[found.length - 1];
  const turns = last.thread ? (await ask("exchanges", new URLSearchParams({ thread: last.thread }))).rows.reverse() : [];
  if (id !== state.chosen || beside !== state.beside) return;
  shown = found;
  const parts = [bar(last)];
  if (shown.length > 1) parts.push(differences(...shown));
  else parts.push(make("h2", {}, last.model || last.path), make("p", { class: "facts" }, facts(last)));
  if (turns.length > 1) {
    parts.push(make("nav", { class: "turns", "aria-label": "Turns of this conversation" }, `Turns of conversation ${last.thread}:`,
      ...turns.map((row, index) => make("button", { type: "button", "aria-current": row.id === id ? "true" : null, onclick: () => choose(row.id) }, String(index + 1))),
      make("button", { type: "button", onclick: () => { state.thread = state.thread ? "" : String(last.thread); write(); $("filters").dispatchEvent(new Event("input")); show(); } }, state.thread ? "all in the list" : "only these in the list")));
  }
  parts.push(make("div", { class: "tabs", role: "tablist" }, ...TABS.map((name) => make("button", {
    type: "button", role: "tab", "aria-selected": String(name === state.tab), onclick: () => { state.tab = name; write(); render(); },
  }, name))));
  detail.replaceChildren(...parts, make("div", { id: "panel", role: "tabpanel" }));
  render();
}

function bar(found) {
  const back = make("button", { type: "button", id: "back", onclick: leave }, "← list");
  const pair = state.beside === null
    ? make("button", { type: "button", id: "beside", onclick: () => { state.beside = found.id; besides(found.id); } }, "Compare")
    : make("button", { type: "button", id: "alone", onclick: () => { state.beside = null; write(); show(); } }, "Show one alone");
  return make("div", { class: "bar" }, back, pair);
}

// The exchange waits beside, and the next one that is chosen comes to its side.
function besides(id) {
  const hint = make("p", { class: "hint", id: "waiting", role: "status" }, `Choose the exchange that #${id} is compared with.`);
  $("beside").replaceWith(hint);
  if (getComputedStyle($("back")).display !== "none") { document.body.dataset.view = "list"; }
  list.focus();
}

export function render() {
  if (!shown.length) return;
  for (const button of detail.querySelectorAll('[role="tab"]')) button.setAttribute("aria-selected", String(button.textContent === state.tab));
  const panel = $("panel");
  if (shown.length === 1) { panel.className = ""; panel.replaceChildren(...views[state.tab](shown[0])); return; }
  panel.className = "pair";
  panel.replaceChildren(...shown.map((found) => make("article", { "aria-label": `Exchange ${found.id}` },
    make("h2", {}, `#${found.id} ${found.model || found.path}`), make("p", { class: "facts" }, facts(found)), ...views[state.tab](found))));
}
