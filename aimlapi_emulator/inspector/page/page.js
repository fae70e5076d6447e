// The page of the inspector: the list, the totals, keys and filters. `detail.js` shows what is chosen.

import { filters, read, state, write } from "./address.js";
import { chart, width } from "./chart.js";
import { choose, empty, leave, mark, show } from "./detail.js";
import { $, ask, clock, dollars, make, number, seconds, tokens } from "./dom.js";
import { onSent } from "./replay.js";

const list = $("list"), detail = $("detail");
const MOST = 1000;  // rows in the list while it is at its top
let more = false, loading = false;

function rowOf(row) {
  const failed = row.error || row.status >= 400;
  const made = make("div", {
    class: `row${failed ? " bad" : ""}${row.ended ? "" : " open"}`, role: "option", id: `row-${row.id}`,
    "data-id": row.id, "data-thread": row.thread, "aria-selected": String(row.id === state.chosen), onclick: () => choose(row.id),
  },
  make("span", { class: "status" }, row.status === null ? "…" : String(row.status)),
  make("span", { class: "model" }, row.model || `${row.method} ${row.path}`,
    make("span", { class: "chip" }, row.endpoint),
    row.stream ? make("span", { class: "chip" }, "stream") : null,
    row.turns > 1 ? make("span", { class: "chip turns-chip" }, `${row.turns} turns`) : null),
  make("span", { class: "when" }, clock(row.at)),
  make("span", { class: `said${row.error ? " error" : ""}` }, row.error || [row.asked, row.answer].filter(Boolean).join(" → ") || row.path),
  make("span", { class: "numbers" }, (row.has_tokens ? [`first ${seconds(row.ttft)}`, seconds(row.seconds), tokens(row), dollars(row.cost_usd)]
    : [seconds(row.seconds), tokens(row), dollars(row.cost_usd)].filter((one) => one !== "–")).join(" · ")));
  return made;
}

async function load(fresh) {
  if (loading && !fresh) return;
  loading = true;
  const asked = filters(), last = list.querySelector(".row:last-of-type");
  if (!fresh && last) asked.set("before", last.dataset.id);
  const key = String(filters());
  const found = await ask("exchanges", asked);
  loading = false;
  if (key !== String(filters())) return;  // other filters meanwhile
  if (fresh) list.replaceChildren();
  list.append(...found.rows.map(rowOf));
  if (!list.children.length) list.append(make("p", { class: "hint" }, "Nothing yet. Point a program at this address, and its requests show here."));
  more = found.more;
  mark();
}

function fits(row) {
  const asked = filters();
  return !asked.has("q") && !asked.has("thread") && (!asked.has("model") || asked.get("model") === row.model)
    && (!asked.has("endpoint") || asked.get("endpoint") === row.endpoint)
    && (!asked.has("status") || (asked.get("status") === "error" ? Boolean(row.error) : asked.get("status") === String(row.status)));
}

function arrived(rows) {
  for (const row of rows) {
    const old = $(`row-${row.id}`);
    if (old) {
      const turns = old.querySelector(".turns-chip");
      if (turns) row.turns = parseInt(turns.textContent, 10);
    }
    if (!fits(row)) continue;
    list.querySelector(".hint")?.remove();
    let hasNewer = false;  // a turn of the same conversation, which stands for it
    if ($("grouped").checked && row.thread) {
      for (const other of list.querySelectorAll(`[data-thread="${row.thread}"]`)) {
        if (Number(other.dataset.id) > row.id) hasNewer = true;
        else if (Number(other.dataset.id) < row.id) {
          const told = other.querySelector(".turns-chip");
          row.turns = (told ? parseInt(told.textContent, 10) : 1) + 1;
          other.remove();
        }
      }
    }
    const fresh = rowOf(row);
    if (hasNewer) old?.remove();
    else if (old) old.replaceWith(fresh);
    else {
      const next = [...list.children].find((other) => Number(other.dataset.id) < row.id);
      list.insertBefore(fresh, next || null);
    }
    if (row.ended && (row.id === state.chosen || row.id === state.beside)) show();
  }
  if (list.scrollTop < 200) while (list.children.length > MOST) { list.lastChild.remove(); more = true; }
  soon();
}

// Totals

let waiting = null;
function soon() { if (!waiting) waiting = setTimeout(() => { waiting = null; totals(); }, 400); }

async function totals() {
  const asked = filters();
  asked.delete("grouped");
  asked.set("width", width());
  const found = await ask("totals", asked);
  $("calls").textContent = number(found.calls);
  $("errors").textContent = number(found.errors);
  $("tokens").textContent = number(found.tokens);
  $("cost").textContent = found.cost_usd.toFixed(found.cost_usd < 10 ? 4 : 2);
  for (const [id, values] of [["model", found.models], ["endpoint", found.endpoints], ["status", found.statuses]]) {
    const held = new Set([...$(id).options].map((option) => option.value));
    for (const value of values) if (!held.has(value)) $(id).append(make("option", { value }, value));
  }
  asked.delete("width");
  $("p50").textContent = seconds(found.p50);
  $("p95").textContent = seconds(found.p95);
  $("lines").href = `/_inspect/export.jsonl?${asked}`;
  $("cassette").href = `/_inspect/export.yaml?${asked}`;
  $("har").href = `/_inspect/export.har?${asked}`;
  chart(found);
}

// Keys, filters, and what comes

function move(step) {
  const rows = [...list.querySelectorAll(".row")];
  if (!rows.length) return;
  const place = rows.findIndex((row) => Number(row.dataset.id) === state.chosen);
  const next = rows[Math.min(Math.max(place + step, 0), rows.length - 1)];
  choose(Number(next.dataset.id));
}

document.addEventListener("keydown", (event) => {
  const writing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (event.key === "Escape") {
    if (!writing && getComputedStyle(list).display === "none") leave();
    list.focus(); event.target.blur?.(); list.focus();
    return;
  }
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { $("q").focus(); event.preventDefault(); }
  else if (event.key === "j" || (event.key === "ArrowDown" && event.target !== detail)) { move(1); event.preventDefault(); }
  else if (event.key === "k" || (event.key === "ArrowUp" && event.target !== detail)) { move(-1); event.preventDefault(); }
  else if (event.key === "Enter" && event.target === list) { detail.focus(); event.preventDefault(); }
});

list.addEventListener("scroll", () => { if (more && list.scrollTop + list.clientHeight > list.scrollHeight - 600) load(false); });
let typing = null;
$("filters").addEventListener("input", (event) => { clearTimeout(typing); typing = setTimeout(() => { write(event.target === $("q")); load(true); totals(); }, 150); });
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("clear").addEventListener("click", async () => {
  if (!confirm("Forget all requests?")) return;
  await fetch("/_inspect/clear", { method: "POST", headers: { "x-inspector": "1" } });
  state.chosen = state.beside = null;
  write();
  mark();
  empty("All was cleared.");
  await load(true);
  totals();
});

function listen() {
  const source = new EventSource("/_inspect/events");
  source.onopen = () => { $("live").textContent = "live"; $("live").className = "on"; load(true); totals(); };
  source.onerror = () => { $("live").textContent = "not connected"; $("live").className = ""; };
  source.onmessage = (event) => arrived(JSON.parse(event.data));
}
function restore() {
  read();
  mark();
  show();
}

addEventListener("popstate", () => { restore(); load(true); totals(); });
onSent(choose);
restore();
listen();
