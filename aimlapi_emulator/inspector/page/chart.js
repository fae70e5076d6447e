// Seconds of the calls, least to most in each step of time, on a logarithmic scale; every error; dollars so far.

import { $, dollars, drawn, number, seconds } from "./dom.js";

export const width = () => Math.max(Math.round(($("chart").clientWidth || 400) - 98), 50);

export function chart({ points, failures, p50, p95 }) {
  const svg = $("chart"), total = svg.clientWidth || 400, height = 58, left = 44, right = total - 54;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${total} ${height}`);
  const ended = points.filter((point) => point[1] !== null);
  if (!ended.length) return;
  const first = points[0][0], span = Math.max(points[points.length - 1][0] - first, 0.001);
  const least = Math.max(Math.min(...ended.map((point) => point[1])), 0.001), most = Math.max(...ended.map((point) => point[2]), least);
  const decades = Math.log(most / least), spent = Math.max(points[points.length - 1][3], 1e-9);
  const x = (at) => (left + ((at - first) / span) * (right - left)).toFixed(1);
  const y = (share) => (height - 6 - share * (height - 16)).toFixed(1);
  const level = (value) => y(decades ? Math.log(Math.max(value, least) / least) / decades : 0.5);
  svg.append(drawn("polyline", { points: points.map((point) => `${x(point[0])},${y(point[3] / spent)}`).join(" "), fill: "none", stroke: "#d99a00", "stroke-width": 1.5 }));
  for (const [name, value] of [["p50", p50], ["p95", p95]]) {
    svg.append(drawn("line", { class: name, x1: left, x2: right, y1: level(value), y2: level(value), stroke: "var(--soft)", "stroke-dasharray": name === "p50" ? "1 3" : "5 3", "stroke-width": 0.8 }, `${name} ${seconds(value)}`));
  }
  for (const [at, low, high, , count] of ended) {
    const told = `${number(count)} call${count > 1 ? "s" : ""}: ${seconds(low)}${count > 1 ? ` to ${seconds(high)}` : ""}`;
    if (level(low) !== level(high)) svg.append(drawn("line", { class: "range", x1: x(at), x2: x(at), y1: level(low), y2: level(high), stroke: "var(--mark)", "stroke-width": 1.4 }, told));
    svg.append(drawn("circle", { class: "most", cx: x(at), cy: level(high), r: 1.8, fill: "var(--mark)" }, told));
  }
  for (const [at, took] of failures) svg.append(drawn("circle", { class: "failure", cx: x(at), cy: level(took), r: 2.6, fill: "var(--bad)" }, `failed after ${seconds(took)}`));
  const texts = [[seconds(most), left - 4, 12, "end"], [seconds(least), left - 4, height - 4, "end"], [dollars(spent < 1e-8 ? 0 : spent), right + 4, 12, "start"]];
  for (const [text, at, level, anchor] of texts) {
    const made = drawn("text", { x: at, y: level, "text-anchor": anchor });
    made.textContent = text;
    svg.append(made);
  }
}
