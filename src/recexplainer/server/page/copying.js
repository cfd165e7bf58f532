/**
 * A button that copies; where the browser does not let a page copy, a field shows what is to be copied.
 * @module
 */

import { el } from "./dom.js";
import { say } from "./live.js";

const SHOWN = 2200; // milliseconds that "copied" stands

/**
 * @param {string} label Of the button.
 * @param {HTMLInputElement | HTMLTextAreaElement} field Is read-only, and hidden until it is needed.
 * @param {() => string} content
 * @param {string} what Is copied, in a word: "Link".
 * @returns {HTMLButtonElement}
 */
export function copyButton(label, field, content, what) {
  const button = el("button.quiet", { type: "button", click: copy }, label);
  let timer = 0;
  field.hidden = field.readOnly = true;

  async function copy() {
    try {
      await navigator.clipboard.writeText(content());
    } catch {
      field.hidden = false;
      field.value = content();
      field.select();
      return say(`The ${what.toLowerCase()} is in the field: copy it from there.`);
    }
    clearTimeout(timer);
    button.textContent = "Copied";
    timer = setTimeout(() => (button.textContent = label), SHOWN);
    say(`${what} copied.`);
  }
  return button;
}
