// The tabs of one exchange: each is a function from what the server tells of it to nodes.

import { clock, dollars, drawn, folding, make, number, pretty, rowName, seconds, tokens } from "./dom.js";
import { markdown } from "./markdown.js";
import { sendAgain } from "./replay.js";

const code = (text) => folding(make("pre", {}, text), text);

function part(one, reads) {
  if (one.kind === "text") return folding(reads ? markdown(one.text) : make("div", { class: "text" }, one.text), one.text);
  if (one.kind === "reasoning") return folding(make("div", { class: "reasoning" }, one.text), one.text);
  if (one.kind === "image" && !one.src) {
    return /^data:image\//.test(one.url) ? make("img", { src: one.url, alt: "image of the message" }) : make("div", { class: "text" }, `image: ${one.url}`);
  }
  if (one.src) return file(one);
  if (one.kind === "transcript") return transcript(one);
  if (one.kind === "pages") return make("div", {}, ...one.pages.map((page) => make("section", { class: "page", "aria-label": `Page ${page.index + 1}` },
    make("h3", {}, `Page ${page.index + 1}`), folding(markdown(page.markdown), page.markdown))));
  if (one.kind === "audio") return make("audio", { controls: true, src: one.url });
  return code(JSON.stringify(one.json, null, 2));
}

const MEDIA = { image: "img", audio: "audio", video: "video" };

// A file of the exchange: from this server at once, from a foreign host by a click, in a frame that can do nothing else.
function file(one) {
  const what = [one.kind, one.media_type, one.size ? `${number(one.size)} bytes` : null].filter(Boolean).join(", ");
  const box = make("figure", { class: `media ${one.kind}` });
  const told = make("figcaption", { class: "hint" }, what);
  if (one.is_foreign) {
    const host = new URL(one.url).host, hidden = one.url.includes("(hidden)");
    told.textContent = `${one.kind} at ${host}${hidden ? ": its signature is not kept, so that it cannot be shown" : ""}`;
    if (MEDIA[one.kind] && !hidden) {
      const button = make("button", { type: "button", class: "load", onclick: () => {
        button.replaceWith(make("iframe", { src: one.src, sandbox: "", referrerpolicy: "no-referrer", title: `${one.kind} at ${host}` }));
      } }, `Show it from ${host}`);
      box.append(button);
    }
    box.append(told, make("div", { class: "text" }, one.url));
    return box;
  }
  if (!MEDIA[one.kind]) { box.append(make("a", { href: one.src, download: "" }, `Download (${what})`)); return box; }
  const shown = make(MEDIA[one.kind], one.kind === "image"
    ? { src: one.src, alt: "picture of the exchange", loading: "lazy" } : { src: one.src, controls: true, preload: "metadata", "aria-label": `${one.kind} of the exchange` });
  shown.addEventListener("error", () => { shown.remove(); told.textContent = `${what}: it is no longer there.`; });
  box.append(shown, told);
  return box;
}

const moment = (value) => (value === null ? "" : `${Math.floor(value / 60)}:${(value % 60).toFixed(1).padStart(4, "0")}`);
const ROWS = 100;  // of a transcript that are shown at first

function transcript(one) {
  const rows = (segments) => segments.map((part) => make("tr", {}, make("td", { class: "number" }, [moment(part.start), moment(part.end)].filter(Boolean).join("–")),
    make("td", {}, part.speaker || ""), make("td", {}, part.text)));
  const made = make("div", { class: "transcript" }, folding(make("div", { class: "text" }, one.text), one.text));
  if (!one.segments.length) return made;
  const body = make("tbody", {}, ...rows(one.segments.slice(0, ROWS)));
  made.append(make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "time"), make("th", {}, "speaker"), make("th", {}, "says"))), body));
  if (one.segments.length > ROWS) {
    const more = make("button", { type: "button", class: "unfold", onclick: () => { body.append(...rows(one.segments.slice(ROWS))); more.remove(); } }, `show all ${number(one.segments.length)} segments`);
    made.append(more);
  }
  return made;
}

function message(one, label, nothing) {
  const reads = one.role === "assistant" && one.parts.some((part) => part.kind === "text");
  const made = make("div", { class: `message ${one.role}${one.is_new ? " new" : ""}` });
  const role = make("div", { class: "role" }, label || one.role, one.call_id && !label ? ` of ${one.call_id}` : null,
    one.is_new ? make("span", { class: "new-mark" }, "new in this turn") : null);
  const parts = make("div", { class: "parts" }, ...one.parts.map((given) => part(given, reads)));
  if (reads) {
    let plain = false;
    const button = make("button", { type: "button", class: "plain", "aria-pressed": "false", onclick: () => {
      plain = !plain;
      button.setAttribute("aria-pressed", String(plain));
      parts.replaceChildren(...one.parts.map((given) => part(given, !plain)));
    } }, "as written");
    role.append(button);
  }
  made.append(role);
  if (one.reasoning) made.append(part({ kind: "reasoning", text: one.reasoning }));
  made.append(parts);
  for (const call of one.calls) {
    made.append(make("div", { class: "call" },
      code(`${call.name}(${pretty(call.arguments)})`),
      call.result ? make("div", { class: "result" }, ...call.result.map((given) => part(given))) : make("div", { class: "hint" }, nothing || "no result in this request")));
  }
  return made;
}

function conversation(found) {
  const parts = found.error ? [make("div", { class: "error-box", role: "alert" }, found.error)] : [];
  if (found.is_dropped) parts.push(make("p", { class: "hint" }, "The bytes of this exchange were dropped for newer ones."));
  parts.push(...found.messages.filter((one) => !one.is_beside).map((one) => message(one)));
  const reply = found.reply;
  if (reply.parts.length || reply.reasoning || reply.calls.length) {
    const label = [`reply${found.finish_reason ? ` (${found.finish_reason})` : ""}`, tokens(found), dollars(found.cost_usd)];
    parts.push(message(reply, label.filter((one) => one !== "–").join(" · "), "its result comes with the next request"));
  }
  const rows = Object.entries(found.parameters).map(([name, value]) => make("tr", { class: found.changed.includes(name) ? "changed" : null },
    rowName(name), make("td", {}, value !== null && typeof value === "object" ? code(JSON.stringify(value, null, 2)) : String(value))));
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
const headerTable = (headers) => make("table", {}, make("tbody", {}, ...Object.entries(headers).map(([name, value]) => make("tr", {}, rowName(name), make("td", {}, value)))));
const headersView = (found) => [make("h2", {}, "Request"), headerTable(found.request_headers), make("h2", {}, "Reply"), headerTable(found.reply_headers)];

function curlView(found) {
  const copied = make("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(found.curl); copied.textContent = "copied"; } }, "copy");
  return [copied, make("pre", { class: "curl" }, found.curl)];
}

export const views = {
  Conversation: conversation, "Time line": timeline, Request: requestView, Reply: replyView, Headers: headersView, curl: curlView, "Send again": sendAgain,
};

export function facts(found) {
  return [found.endpoint, `${found.method} ${found.path}`, `status ${found.status ?? "…"}`, found.has_tokens ? `first token ${seconds(found.ttft)}` : "–",
    `total ${seconds(found.seconds)}`, tokens(found), dollars(found.cost_usd), clock(found.at)].filter((one) => one !== "–").join(" · ");
}

export function differences(one, other) {
  const figures = [["exchange", (found) => `#${found.id}`], ["model", (found) => found.model], ["status", (found) => String(found.status ?? "…")],
    ["first token", (found) => (found.has_tokens ? seconds(found.ttft) : "–")], ["total", (found) => seconds(found.seconds)], ["tokens", tokens], ["cost", (found) => dollars(found.cost_usd)],
    ["finish reason", (found) => found.finish_reason || "–"]];
  const names = new Set([...Object.keys(one.parameters), ...Object.keys(other.parameters)]);
  names.delete("model");
  for (const name of names) {
    const shown = (found) => (name in found.parameters ? JSON.stringify(found.parameters[name]) : "–");
    if (shown(one) !== shown(other)) figures.push([name, (found) => { const text = shown(found); return text.length > 120 ? `${text.slice(0, 120)}…` : text; }]);
  }
  return make("table", { class: "differences" }, make("tbody", {}, ...figures.map(([name, told]) => make("tr", { class: name !== "exchange" && told(one) !== told(other) ? "changed" : null },
    rowName(name), make("td", {}, told(one)), make("td", {}, told(other))))));
}
