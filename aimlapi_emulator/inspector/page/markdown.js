// Markdown as nodes: headings, lists, quotes, tables, code, emphasis, links. HTML in it stays text, and a link leads to
// http or https only. No pattern looks further than a line, so that a long text takes no longer than its length.

import { make } from "./dom.js";

const LONGEST = 60000;  // characters; a longer text is shown as it is
const INLINE = /(`{1,3})([^`\n]{1,1000})\1|\*\*([^*\n]{1,1000})\*\*|\*([^*\s][^*\n]{0,1000})\*|~~([^~\n]{1,1000})~~|!?\[([^\]\n]{0,500})\]\(([^()\s]{1,2000})\)|\bhttps?:\/\/[^\s<>"'`()]{1,2000}/g;

export function markdown(text) {
  if (text.length > LONGEST) return make("div", { class: "text" }, text);
  const made = make("div", { class: "markdown" });
  made.append(...blocks(text.split(/\r?\n/), 0));
  return made;
}

function link(address, text) {
  let target;
  try { target = new URL(address); } catch { return null; }
  if (target.protocol !== "http:" && target.protocol !== "https:") return null;
  return make("a", { href: target.href, rel: "noopener noreferrer nofollow", target: "_blank", title: target.href }, text);
}

function inline(text, depth = 0) {
  const made = [];
  let at = 0;
  if (depth > 3) return [text];
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) made.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [whole, , code, strong, emphasis, struck, label, address] = found;
    if (code !== undefined) made.push(make("code", {}, code));
    else if (strong !== undefined) made.push(make("strong", {}, ...inline(strong, depth + 1)));
    else if (emphasis !== undefined) made.push(make("em", {}, ...inline(emphasis, depth + 1)));
    else if (struck !== undefined) made.push(make("s", {}, ...inline(struck, depth + 1)));
    else if (address !== undefined) made.push(link(address, label || address) || whole);
    else made.push(link(whole, whole) || whole);
  }
  if (at < text.length) made.push(text.slice(at));
  return made;
}

const lines = (some) => some.flatMap((line, index) => [...(index ? [make("br")] : []), ...inline(line)]);
const ITEM = /^(\s{0,12})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function blocks(all, depth) {
  const made = [];
  let paragraph = [];
  const end = () => { if (paragraph.length) made.push(make("p", {}, ...lines(paragraph))); paragraph = []; };
  for (let at = 0; at < all.length; at++) {
    const line = all[at], fence = /^\s{0,3}(`{3,}|~{3,})\s*(\S{0,40})/.exec(line), heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (fence) {
      end();
      const code = [];
      while (++at < all.length && !all[at].trimStart().startsWith(fence[1])) code.push(all[at]);
      made.push(make("pre", { "data-language": fence[2] || null }, make("code", {}, code.join("\n"))));
    } else if (heading) {
      end();
      made.push(make("p", { class: "heading", role: "heading", "aria-level": String(Math.min(heading[1].length + 2, 6)) }, ...inline(heading[2])));
    } else if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) { end(); made.push(make("hr"));
    } else if (/^\s{0,3}>/.test(line) && depth < 4) {
      end();
      const quoted = [];
      for (; at < all.length && /^\s{0,3}>/.test(all[at]); at++) quoted.push(all[at].replace(/^\s{0,3}> ?/, ""));
      at--;
      made.push(make("blockquote", {}, ...blocks(quoted, depth + 1)));
    } else if (ITEM.test(line) && depth < 6) {
      end();
      at = list(all, at, depth, made);
    } else if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(all[at + 1] || "")) {
      end();
      const head = make("tr", {}, ...cells(line).map((cell) => make("th", {}, ...inline(cell)))), rows = [];
      for (at += 2; at < all.length && all[at].includes("|"); at++) rows.push(make("tr", {}, ...cells(all[at]).map((cell) => make("td", {}, ...inline(cell)))));
      at--;
      made.push(make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
    } else if (line.trim()) paragraph.push(line);
    else end();
  }
  end();
  return made;
}

function list(all, start, depth, made) {
  const [, indent, mark] = ITEM.exec(all[start]), ordered = /\d/.test(mark), items = [];
  let at = start;
  for (; at < all.length; at++) {
    const item = ITEM.exec(all[at]);
    if (item && item[1].length <= indent.length && /\d/.test(item[2]) === ordered) items.push([item[3]]);
    else if (item && item[1].length <= indent.length) break;
    else if (all[at].trim() && !/^\s/.test(all[at])) break;
    else if (!all[at].trim() && !/^\s/.test(all[at + 1] || "") && !ITEM.test(all[at + 1] || "")) break;
    else items[items.length - 1].push(all[at].slice(Math.min(indent.length + 2, all[at].length - all[at].trimStart().length)));
  }
  const attributes = ordered ? { start: String(parseInt(mark, 10)) } : {};
  made.push(make(ordered ? "ol" : "ul", attributes, ...items.map((item) => {
    const one = make("li", {}, ...inline(item[0]));
    if (item.length > 1) one.append(...blocks(item.slice(1), depth + 1));
    return one;
  })));
  return at - 1;
}
