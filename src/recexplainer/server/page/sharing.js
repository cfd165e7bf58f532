/**
 * A link to what is shown, and a file with all of it.
 * @module
 */

import { copyButton } from "./copying.js";
import { el } from "./dom.js";
import { say } from "./live.js";

const KEPT = 2200; // milliseconds until a file that was saved is forgotten

/** Copy the address of what is shown. */
export function shareButton() {
  const field = el("input", { type: "text", "aria-label": "Link to what is shown" });
  return [copyButton("Copy link", field, () => location.href, "Link"), field];
}

/** @param {() => {name: string, content: object}} shown */
export function exportButton(shown) {
  const save = () => {
    const { name, content } = shown();
    const file = new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: "application/json" });
    const address = URL.createObjectURL(file);
    el("a", { href: address, download: `${fileName(name)}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), KEPT);
    say("Exported as JSON.");
  };
  return el("button.quiet", { type: "button", click: save }, "Export JSON");
}

/** @param {string} name */
function fileName(name) {
  return name.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 80);
}
