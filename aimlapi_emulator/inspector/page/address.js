// What is chosen, in the address of the page: it survives a reload, can be shared, and the back button goes back.

import { $, make } from "./dom.js";

export const TABS = ["Conversation", "Time line", "Request", "Reply", "Headers", "curl", "Send again"];
const FILTERS = ["q", "model", "endpoint", "status"];
export const state = { chosen: null, beside: null, tab: TABS[0], thread: "" };

const id = (text) => (/^\d{1,15}$/.test(text || "") ? Number(text) : null);

export function read() {
  const asked = new URLSearchParams(location.search);
  state.chosen = id(asked.get("id"));
  state.beside = id(asked.get("beside"));
  state.tab = TABS.includes(asked.get("tab")) ? asked.get("tab") : TABS[0];
  state.thread = asked.get("thread") || "";
  for (const name of FILTERS) {
    const value = asked.get(name) || "", field = $(name);
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.append(make("option", { value }, value));
    field.value = value;
  }
  $("grouped").checked = asked.get("grouped") !== "0";
}

export function write(replaces) {
  const asked = new URLSearchParams();
  for (const name of FILTERS) if ($(name).value) asked.set(name, $(name).value);
  if (!$("grouped").checked) asked.set("grouped", "0");
  if (state.thread) asked.set("thread", state.thread);
  if (state.chosen !== null) asked.set("id", state.chosen);
  if (state.beside !== null) asked.set("beside", state.beside);
  if (state.tab !== TABS[0]) asked.set("tab", state.tab);
  const text = String(asked), target = location.pathname + (text ? `?${text}` : "");
  if (target === location.pathname + location.search) return;
  if (replaces) history.replaceState(null, "", target); else history.pushState(null, "", target);
}

export function filters() {
  const asked = new URLSearchParams();
  for (const name of FILTERS) if ($(name).value) asked.set(name, $(name).value);
  if (state.thread) asked.set("thread", state.thread);
  else if ($("grouped").checked) asked.set("grouped", "1");
  return asked;
}
