// Nodes and figures. What a model or a user wrote becomes text nodes only, never HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.append(drawn("title", {})), made.lastChild.textContent = text;
  return made;
}

export const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
export const seconds = (value) => value === null || value === undefined ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`;
export const tokens = (row) => (row.input_tokens === null && row.output_tokens === null ? (row.has_tokens ? "no token counts" : "–") : `${number(row.input_tokens)} + ${number(row.output_tokens)} tokens`);
export const dollars = (value) => (value === null || value === undefined ? "–" : `$${value.toFixed(value < 1 ? 5 : 2)}`);
// The name of a row of a table: as wide as its longest word, but for one that would take all of a narrow screen.
export const rowName = (name) => make("th", { scope: "row" }, make("span", {}, name));
export const clock = (value) => new Date(value * 1000).toLocaleTimeString("en-GB");

export function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

export async function ask(path, asked) {
  const reply = await fetch(`/_inspect/${path}?${asked || ""}`);
  return reply.json();
}

const FOLDED = 1600, LINES = 30;  // characters and lines that are shown of a long text

export function folding(node, text) {
  if (text.length <= FOLDED && text.split("\n", LINES + 1).length <= LINES) return node;
  const button = make("button", { type: "button", class: "unfold", "aria-expanded": "false", onclick: () => {
    const open = node.classList.toggle("folded") === false;
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "show less" : `show all ${number(text.length)} characters`;
  } }, `show all ${number(text.length)} characters`);
  node.classList.add("folded");
  return make("div", { class: "fold" }, node, button);
}
