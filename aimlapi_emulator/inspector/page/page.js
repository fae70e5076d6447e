// The page of the inspector. What a model or a user wrote becomes text nodes only, never HTML.
"use strict";

const $ = (id) => document.getElementById(id);
const list = $("list"), detail = $("detail");
const MOST = 1000;  // rows in the list while it is at its top
const TABS = ["Conversation", "Time line", "Request", "Reply", "Headers", "curl"];
let more = false, loading = false, chosen = null, tab = TABS[0], shown = null, thread = "";

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
const seconds = (value) => value === null || value === undefined ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`;
const tokens = (row) => (row.input_tokens === null && row.output_tokens === null ? "no token counts" : `${number(row.input_tokens)} + ${number(row.output_tokens)} tokens`);
const dollars = (value) => (value === null || value === undefined ? "–" : `$${value.toFixed(value < 1 ? 5 : 2)}`);
const clock = (value) => new Date(value * 1000).toLocaleTimeString("en-GB");

function filters() {
  const asked = new URLSearchParams();
  for (const name of ["q", "model", "endpoint", "status"]) if ($(name).value) asked.set(name, $(name).value);
  if (thread) asked.set("thread", thread);
  else if ($("grouped").checked) asked.set("grouped", "1");
  return asked;
}

async function ask(path, asked) {
  const reply = await fetch(`/_inspect/${path}?${asked || ""}`);
  return reply.json();
}

// The list

function rowOf(row) {
  const failed = row.error || row.status >= 400;
  const made = make("div", {
    class: `row${failed ? " bad" : ""}${row.ended ? "" : " open"}`, role: "option", id: `row-${row.id}`,
    "data-id": row.id, "data-thread": row.thread, "aria-selected": String(row.id === chosen), onclick: () => choose(row.id),
  },
  make("span", { class: "status" }, row.status === null ? "…" : String(row.status)),
  make("span", { class: "model" }, row.model || `${row.method} ${row.path}`,
    make("span", { class: "chip" }, row.endpoint),
    row.stream ? make("span", { class: "chip" }, "stream") : null,
    row.turns > 1 ? make("span", { class: "chip turns-chip" }, `${row.turns} turns`) : null),
  make("span", { class: "when" }, clock(row.at)),
  make("span", { class: `said${row.error ? " error" : ""}` }, row.error || [row.asked, row.answer].filter(Boolean).join(" → ") || row.path),
  make("span", { class: "numbers" }, `first ${seconds(row.ttft)} · ${seconds(row.seconds)} · ${tokens(row)} · ${dollars(row.cost_usd)}`));
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
    if ($("grouped").checked && row.thread) {
      for (const other of list.querySelectorAll(`[data-thread="${row.thread}"]`)) {
        if (Number(other.dataset.id) < row.id) {
          const told = other.querySelector(".turns-chip");
          row.turns = (told ? parseInt(told.textContent, 10) : 1) + 1;
          other.remove();
        }
      }
    }
    const fresh = rowOf(row);
    if (old) old.replaceWith(fresh);
    else {
      const next = [...list.children].find((other) => Number(other.dataset.id) < row.id);
      list.insertBefore(fresh, next || null);
    }
    if (row.id === chosen && row.ended) show(row.id);
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
  const found = await ask("totals", asked);
  $("calls").textContent = number(found.calls);
  $("errors").textContent = number(found.errors);
  $("tokens").textContent = number(found.tokens);
  $("cost").textContent = found.cost_usd.toFixed(found.cost_usd < 10 ? 4 : 2);
  for (const [id, values] of [["model", found.models], ["endpoint", found.endpoints], ["status", found.statuses]]) {
    const held = new Set([...$(id).options].map((option) => option.value));
    for (const value of values) if (!held.has(value)) $(id).append(make("option", { value }, value));
  }
  asked.delete("grouped");
  $("lines").href = `/_inspect/export.jsonl?${asked}`;
  $("cassette").href = `/_inspect/export.yaml?${asked}`;
  chart(found.points);
}

function chart(points) {
  const svg = $("chart"), width = svg.clientWidth || 400, height = 58, left = 44, right = width - 54;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ended = points.filter((point) => point[1] !== null);
  if (!ended.length) return;
  const first = points[0][0], span = Math.max(points[points.length - 1][0] - first, 0.001);
  const slowest = Math.max(...ended.map((point) => point[1]), 0.001), spent = Math.max(points[points.length - 1][2], 1e-9);
  const x = (point) => left + ((point[0] - first) / span) * (right - left);
  const y = (share) => height - 6 - share * (height - 16);
  svg.append(drawn("polyline", { points: points.map((point) => `${x(point)},${y(point[2] / spent)}`).join(" "), fill: "none", stroke: "#d99a00", "stroke-width": 1.5 }));
  for (const point of ended) {
    svg.append(drawn("circle", { cx: x(point), cy: y(point[1] / slowest), r: 2.2, fill: point[3] ? "var(--bad)" : "var(--mark)" }));
  }
  svg.append(drawn("text", { x: left - 6, y: 12, "text-anchor": "end" }, seconds(slowest)));
  svg.append(drawn("text", { x: left - 6, y: height - 3, "text-anchor": "end" }, "0"));
  svg.append(drawn("text", { x: right + 6, y: 12 }, dollars(spent)));
}

// One exchange

async function choose(id) {
  chosen = id;
  for (const row of list.querySelectorAll('[aria-selected="true"]')) row.setAttribute("aria-selected", "false");
  const row = $(`row-${id}`);
  if (row) {
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", row.id);
  }
  await show(id);
}

async function show(id) {
  const found = await ask(`exchanges/${id}`);
  if (id !== chosen) return;
  if (found.error && !found.messages) {
    detail.replaceChildren(make("p", { class: "hint" }, found.error));
    return;
  }
  shown = found;
  const turns = found.thread ? (await ask("exchanges", new URLSearchParams({ thread: found.thread }))).rows : [];
  if (id !== chosen) return;
  const facts = [found.endpoint, `${found.method} ${found.path}`, `status ${found.status ?? "…"}`, `first token ${seconds(found.ttft)}`,
    `total ${seconds(found.seconds)}`, tokens(found), dollars(found.cost_usd), clock(found.at)];
  const parts = [make("h2", {}, found.model || found.path), make("p", { class: "facts" }, facts.join(" · "))];
  if (turns.length > 1) {
    parts.push(make("nav", { class: "turns", "aria-label": "Turns of this conversation" }, `Turns of conversation ${found.thread}:`,
      ...turns.reverse().map((row, index) => make("button", { type: "button", "aria-current": row.id === id ? "true" : null, onclick: () => choose(row.id) }, String(index + 1)))));
  }
  parts.push(make("div", { class: "tabs", role: "tablist" }, ...TABS.map((name) => make("button", {
    type: "button", role: "tab", "aria-selected": String(name === tab), onclick: () => { tab = name; render(); },
  }, name))));
  detail.replaceChildren(...parts, make("div", { id: "panel", role: "tabpanel" }));
  render();
}

function render() {
  for (const button of detail.querySelectorAll('[role="tab"]')) button.setAttribute("aria-selected", String(button.textContent === tab));
  const views = { Conversation: conversation, "Time line": timeline, Request: requestView, Reply: replyView, Headers: headersView, curl: curlView };
  $("panel").replaceChildren(...views[tab](shown));
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function part(one) {
  if (one.kind === "text") return make("div", { class: "text" }, one.text);
  if (one.kind === "reasoning") return make("div", { class: "reasoning" }, one.text);
  if (one.kind === "image") {
    return /^data:image\//.test(one.url) ? make("img", { src: one.url, alt: "image of the message" }) : make("div", { class: "text" }, `image: ${one.url}`);
  }
  if (one.kind === "audio") return make("audio", { controls: true, src: one.url });
  return make("pre", {}, JSON.stringify(one.json, null, 2));
}

function message(one, label) {
  const made = make("div", { class: `message ${one.role}${one.is_new ? " new" : ""}` },
    make("div", { class: "role" }, label || one.role, one.call_id && !label ? ` of ${one.call_id}` : null,
      one.is_new ? make("span", { class: "new-mark" }, "new in this turn") : null));
  if (one.reasoning) made.append(make("div", { class: "reasoning" }, one.reasoning));
  made.append(...one.parts.map(part));
  for (const call of one.calls) {
    made.append(make("div", { class: "call" },
      make("pre", {}, `${call.name}(${pretty(call.arguments)})`),
      call.result ? make("div", { class: "result" }, ...call.result.map(part)) : make("div", { class: "hint" }, "no result in this request")));
  }
  return made;
}

function conversation(found) {
  const parts = found.error ? [make("div", { class: "error-box", role: "alert" }, found.error)] : [];
  if (found.is_dropped) parts.push(make("p", { class: "hint" }, "The bytes of this exchange were dropped for newer ones."));
  parts.push(...found.messages.filter((one) => !one.is_beside).map((one) => message(one)));
  const reply = found.reply;
  if (reply.parts.length || reply.reasoning || reply.calls.length) parts.push(message(reply, `reply${found.finish_reason ? ` (${found.finish_reason})` : ""}`));
  const rows = Object.entries(found.parameters).map(([name, value]) => make("tr", { class: found.changed.includes(name) ? "changed" : null },
    make("th", { scope: "row" }, name), make("td", {}, typeof value === "object" ? make("pre", {}, JSON.stringify(value, null, 2)) : String(value))));
  if (rows.length) parts.push(make("h2", {}, "Parameters"), make("table", {}, make("tbody", {}, ...rows)));
  return parts;
}

function timeline(found) {
  if (!found.pieces.length) return [make("p", { class: "hint" }, "Nothing came.")];
  const total = Math.max(found.seconds || found.pieces[found.pieces.length - 1][0], 1e-6);
  const svg = drawn("svg", { class: "line", viewBox: "0 0 1000 44", preserveAspectRatio: "none", role: "img", "aria-label": "When each chunk came" });
  svg.append(drawn("line", { x1: 0, y1: 36, x2: 1000, y2: 36, stroke: "var(--line)" }));
  for (const [after, size] of found.pieces) {
    const x = (after / total) * 998 + 1, tall = Math.min(6 + Math.log2(size + 1) * 2, 32);
    svg.append(drawn("line", { x1: x, y1: 36, x2: x, y2: 36 - tall, stroke: "var(--mark)", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
  }
  const rows = found.pieces.map(([after, size, text]) => make("tr", {},
    make("td", { class: "number" }, `${(after * 1000).toFixed(1)} ms`), make("td", { class: "number" }, `${number(size)} B`), make("td", {}, text)));
  return [svg, make("p", { class: "facts" }, `${number(found.pieces.length)} chunks in ${seconds(total)}${found.pieces_left_out ? `; ${number(found.pieces_left_out)} more are not shown` : ""}`),
    make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "after"), make("th", {}, "size"), make("th", {}, "says"))), make("tbody", {}, ...rows))];
}

const requestView = (found) => [make("pre", {}, pretty(found.request) || "no body")];
const replyView = (found) => [make("pre", {}, pretty(found.raw) || "no body")];
const headerTable = (headers) => make("table", {}, make("tbody", {}, ...Object.entries(headers).map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)))));
const headersView = (found) => [make("h2", {}, "Request"), headerTable(found.request_headers), make("h2", {}, "Reply"), headerTable(found.reply_headers)];

function curlView(found) {
  const copied = make("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(found.curl); copied.textContent = "copied"; } }, "copy");
  return [copied, make("pre", { id: "curl" }, found.curl)];
}

// Keys, filters, and what comes

function move(step) {
  const rows = [...list.querySelectorAll(".row")];
  if (!rows.length) return;
  const place = rows.findIndex((row) => Number(row.dataset.id) === chosen);
  const next = rows[Math.min(Math.max(place + step, 0), rows.length - 1)];
  choose(Number(next.dataset.id));
}

document.addEventListener("keydown", (event) => {
  const writing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (event.key === "Escape") { list.focus(); event.target.blur?.(); list.focus(); return; }
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { $("q").focus(); event.preventDefault(); }
  else if (event.key === "j" || (event.key === "ArrowDown" && event.target !== detail)) { move(1); event.preventDefault(); }
  else if (event.key === "k" || (event.key === "ArrowUp" && event.target !== detail)) { move(-1); event.preventDefault(); }
  else if (event.key === "Enter" && event.target === list) { detail.focus(); event.preventDefault(); }
});

list.addEventListener("scroll", () => { if (more && list.scrollTop + list.clientHeight > list.scrollHeight - 600) load(false); });
let typing = null;
$("filters").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => { load(true); totals(); }, 150); });
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("clear").addEventListener("click", async () => {
  if (!confirm("Forget all requests?")) return;
  await fetch("/_inspect/clear", { method: "POST", headers: { "x-inspector": "1" } });
  chosen = null;
  detail.replaceChildren(make("p", { class: "hint" }, "All was cleared."));
  await load(true);
  totals();
});

function listen() {
  const source = new EventSource("/_inspect/events");
  source.onopen = () => { $("live").textContent = "live"; $("live").className = "on"; load(true); totals(); };
  source.onerror = () => { $("live").textContent = "not connected"; $("live").className = ""; };
  source.onmessage = (event) => arrived(JSON.parse(event.data));
}
listen();
