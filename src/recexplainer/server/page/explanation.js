/**
 * The explanation of one item: the text with its claims, what was checked, and what would be without each history item.
 * @module
 */

import { ApiError, send } from "./api.js";
import { checkedText, inShort } from "./claims.js";
import { el, fill } from "./dom.js";
import { say } from "./live.js";
import { events } from "./stream.js";
import { withoutEach } from "./without.js";

/** @typedef {import("./api.js").Asked} Asked */

/**
 * Ask a writer that takes its time for an explanation.
 * @param {Asked & {item: string, writer?: string}} question
 * @param {AbortSignal} signal
 * @param {(text: string) => void} heard The text so far.
 * @returns {Promise<any>}
 */
export async function slowly(question, signal, heard) {
  const response = await send("explain", question, signal, "text/event-stream");
  let text = "";
  for await (const { event, data } of events(response)) {
    if (event === "waiting") heard(text);
    else if (event === "text") heard((text += data));
    else if (event === "claims") return data;
    else if (event === "error") throw new ApiError(response.status, data.error);
  }
  throw new ApiError(response.status, {});
}

export class ExplanationPanel {
  /** @param {(writer: string) => void} write */
  constructor(write) {
    this.body = el("div");
    this.writers = el("div.writers");
    this.place = el("div.panel", {}, this.body, this.writers);
    this.write = write;
  }

  /**
   * @param {string[]} writers
   * @param {string} chosen
   */
  offer(writers, chosen) {
    if (writers.length < 2) return fill(this.writers);
    const options = writers.map((name) => el("option", { value: name, selected: name === chosen }, name));
    const select = el("select", { id: "writer", change: () => this.write(select.value) }, options);
    fill(this.writers, el("label", { for: "writer" }, "Written by"), select);
  }

  /** @param {string} text What a writer has written so far. */
  hear(text) {
    fill(this.body, el("blockquote.unfinished", {}, text));
  }

  /** @param {any} found */
  show(found) {
    const { text, summary, checks } = checkedText(found.text, found.claims, found.unread);
    fill(
      this.body,
      text,
      summary,
      found.abstained && el("p.note", {}, el("b", {}, "Abstained: "), found.abstained),
      found.note && el("p.note", {}, found.note),
      found.counterfactual && el("p.counterfactual", {}, found.counterfactual),
      withoutEach(found, found.reasons),
      checks,
    );
    say(`Explanation of ${found.item.title}. ${inShort(found.claims)}`);
  }
}
