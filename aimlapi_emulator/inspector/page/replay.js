// A request in an editor, sent again through the emulator. A key that is typed is sent once, and kept nowhere.

import { ask, make, pretty } from "./dom.js";

let then = () => {};

export function onSent(choose) { then = choose; }

export function sendAgain(found) {
  const editor = make("textarea", { class: "editor", spellcheck: "false", "aria-label": "The request", rows: "18" });
  const key = make("input", { type: "password", autocomplete: "off", "aria-label": "API key", placeholder: found.is_live ? "the provider's key" : "any: the emulator's own" });
  const told = make("p", { class: "hint", role: "status" });
  const button = make("button", { type: "button", class: "send" }, "Send");
  const isJson = () => { try { JSON.parse(editor.value); return true; } catch { return false; } };
  const wasJson = found.request && pretty(found.request) !== found.request || /^[[{]/.test(found.request);
  editor.value = pretty(found.request);
  if (found.is_dropped) told.textContent = "The bytes of this exchange were dropped: there is nothing to send.";
  if (found.request_is_cut) {
    editor.disabled = button.disabled = true;
    told.textContent = "The request is long: it is being fetched.";
    ask(`exchanges/${found.id}`, "whole=1").then((whole) => { editor.value = pretty(whole.request); editor.disabled = button.disabled = false; told.textContent = ""; });
  }
  button.addEventListener("click", async () => {
    if (wasJson && !isJson()) { told.textContent = "It is no JSON: nothing was sent."; return; }
    if (found.is_live && !key.value) { told.textContent = "Type the provider's key: the page has none, and keeps none."; key.focus(); return; }
    const target = new URL(location.origin);
    target.pathname = found.path;
    target.search = found.query;
    const headers = { "x-inspector": "replay", authorization: `Bearer ${key.value || "emulator"}` };
    key.value = "";
    for (const name of ["content-type", "accept"]) if (found.request_headers[name]) headers[name] = found.request_headers[name];
    button.disabled = true;
    told.textContent = "It is under way.";
    try {
      const body = ["GET", "HEAD"].includes(found.method) ? undefined : editor.value;
      const reply = await fetch(target, { method: found.method, headers, body, credentials: "omit", cache: "no-store", redirect: "manual" });
      const id = Number(reply.headers.get("x-inspector-exchange"));
      if (id) { reply.arrayBuffer().catch(() => {}); then(id); return; }
      told.textContent = `It was refused: ${(await reply.text()).slice(0, 300)}`;
    } catch (error) { told.textContent = `No reply came (${error.message}); the list has what did.`; }
    button.disabled = false;
  });
  const hidden = found.request.includes("(hidden)") ? make("p", { class: "hint" }, "A secret was hidden where it says (hidden): write it in again if it is needed.") : null;
  const label = make("label", {}, found.is_live ? "key, sent once and kept nowhere" : "key", key);
  return [make("p", { class: "facts" }, `${found.method} ${found.path}${found.query ? `?${found.query}` : ""}`), ...(hidden ? [hidden] : []), editor,
    make("div", { class: "sending" }, label, button), told];
}
