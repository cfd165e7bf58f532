/**
 * A link to what is shown, and a file with all of it.
 * @module
 */

import { el } from "./dom.js";
import { say } from "./live.js";

const SHOWN = 2200; // milliseconds that "copied" stands

/** Copy the address of what is shown; where the browser does not let a page copy, show it to be copied. */
export function shareButton() {
  const button = el("button.quiet", { type: "button", click: share }, "Copy link");
  const field = el("input", { type: "text", readonly: true, "aria-label": "Link to what is shown", hidden: true });
  let timer = 0;

  async function share() {
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      field.hidden = false;
      field.value = location.href;
      field.select();
      return say("The link is in the field: copy it from there.");
    }
    clearTimeout(timer);
    button.textContent = "Copied";
    timer = setTimeout(() => (button.textContent = "Copy link"), SHOWN);
    say("Link copied.");
  }
  return [button, field];
}

/** @param {() => {name: string, content: object}} shown */
export function exportButton(shown) {
  const save = () => {
    const { name, content } = shown();
    const file = new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: "application/json" });
    const address = URL.createObjectURL(file);
    el("a", { href: address, download: `${fileName(name)}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), SHOWN);
    say("Exported as JSON.");
  };
  return el("button.quiet", { type: "button", click: save }, "Export JSON");
}

/** @param {string} name */
function fileName(name) {
  return name.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 80);
}
