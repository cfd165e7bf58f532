/**
 * The key of a server that has one: asked for when it is needed, kept by this tab until it is closed.
 * @module
 */

import { ApiError } from "./api.js";
import { el } from "./dom.js";

/** @type {Promise<string> | null} */
let asking = null;

/** @returns {Promise<string>} */
export function askForKey() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

function ask() {
  const field = el("input", { id: "key", type: "password", autocomplete: "off", required: true });
  const cancel = el("button.quiet", { type: "button" }, "Cancel");
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "key-title" }, "This server needs a key"),
    el("label", { for: "key" }, "Key"),
    field,
    el("p.row", {}, el("button.primary", { type: "submit" }, "Go on"), cancel),
  );
  /** @type {HTMLDialogElement} */
  const dialog = el("dialog", { "aria-labelledby": "key-title" }, form);
  document.body.append(dialog);
  dialog.showModal();
  cancel.addEventListener("click", () => dialog.close());
  return new Promise((resolve, reject) => {
    let given = "";
    form.addEventListener("submit", () => (given = field.value));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (given) resolve(given);
      else reject(new ApiError(401, { message: "This server needs a key.", hint: "Whoever started it has it." }));
    });
  });
}
