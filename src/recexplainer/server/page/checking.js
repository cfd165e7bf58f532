/**
 * A text of anybody about the item, checked against the recommender.
 * @module
 */

import { checkedText, inShort } from "./claims.js";
import { el, fill, ownId } from "./dom.js";
import { say } from "./live.js";

export class CheckPanel {
  /** The text that is shown as the explanation. */
  explanation = "";

  /** @param {(text: string) => void} check */
  constructor(check) {
    const name = ownId("text");
    this.field = el("textarea", { id: name, rows: 6, spellcheck: "false", required: true });
    this.label = el("label", { for: name });
    this.body = el("div");
    const take = () => {
      this.field.value = this.explanation;
      this.field.focus();
    };
    const form = el(
      "form",
      {
        submit: (/** @type {Event} */ event) => {
          event.preventDefault();
          check(this.field.value);
        },
      },
      this.label,
      this.field,
      el(
        "p.row",
        {},
        el("button.primary", { type: "submit" }, "Check it"),
        el("button.quiet", { type: "button", click: take }, "Take the explanation, to change it"),
      ),
    );
    this.field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    this.place = el("div.panel", {}, form, this.body);
  }

  /**
   * @param {string} title Of the item.
   * @param {string} text The text that is checked, or "".
   */
  about(title, text) {
    this.label.textContent = `Your own words: why is ${title} recommended, or not?`;
    if (text) this.field.value = text;
    else fill(this.body);
  }

  /**
   * @param {string} checked
   * @param {any} found
   */
  show(checked, found) {
    const { text, summary, checks } = checkedText(checked, found.claims, found.unread);
    fill(this.body, el("h3", {}, "The text, checked"), text, summary, checks);
    say(inShort(found.claims, found.unread));
  }
}
