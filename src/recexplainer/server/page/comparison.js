/**
 * Two users: their lists side by side, with a line between the places of an item that both are recommended.
 * @module
 */

import { el, fill, svg } from "./dom.js";
import { say } from "./live.js";
import { count, many } from "./words.js";

/** @typedef {import("./api.js").Ranked} Ranked */
/** @typedef {import("./api.js").User & {recommendations: Ranked[]}} Side */

export class Comparison {
  /**
   * @param {{back: () => void, open: (user: string, item: string) => void}} how
   */
  constructor(how) {
    this.how = how;
    this.body = el("div.sides");
    this.heading = el("h1", { tabindex: "-1" });
    this.lead = el("p.lead");
    this.had = el("div");
    const back = el("button.quiet", { type: "button", click: how.back });
    this.back = back;
    const parts = [back, el("p.kicker", {}, "Two users"), this.heading, this.lead, this.body, this.had];
    this.place = el("section.comparison", { hidden: true }, parts);
    new ResizeObserver(() => this.#lines()).observe(this.body);
  }

  /** @param {any} found */
  show(found) {
    const shared = new Set(found.shared.map((/** @type {Ranked} */ item) => item.id));
    const [one, other] = [found.a.id, found.b.id];
    this.back.textContent = `Back to ${one}`;
    fill(this.heading, one, " and ", other);
    const size = found.a.recommendations.length;
    const number = shared.size ? count(shared.size) : "None";
    this.lead.textContent = `${number} of the ${size} first ${shared.size > 1 ? "are" : "is"} recommended to both.`;
    this.lines = svg("svg.lines", { "aria-hidden": "true" });
    fill(this.body, this.#side(found.a, shared), this.lines, this.#side(found.b, shared));
    const had = found.shared_history ?? [];
    fill(
      this.had,
      el("h2", {}, "In both histories"),
      had.length
        ? el(
            "ul.had",
            {},
            had.map((/** @type {Ranked} */ item) => el("li", {}, item.title)),
          )
        : el("p.absent", {}, "Nothing is in both histories."),
    );
    this.#lines();
    say(`${one} and ${other} compared. ${this.lead.textContent}`);
  }

  /**
   * @param {Side} side
   * @param {Set<string>} shared
   */
  #side(side, shared) {
    const line = (/** @type {Ranked} */ item) =>
      el(
        `li${shared.has(item.id) ? ".shared" : ""}`,
        { "data-key": item.id },
        el("span.rank", { "aria-hidden": "true" }, count(item.rank)),
        el("button.title", { type: "button", click: () => this.how.open(side.id, item.id) }, item.title),
        shared.has(item.id) && el("span.unseen", {}, "recommended to both"),
      );
    return el(
      "section",
      { "aria-label": `Recommendations to ${side.id}` },
      el("h2", {}, side.id, el("small", {}, many(side.history_length, "item in the history", "items in the history"))),
      el("ol", {}, side.recommendations.map(line)),
    );
  }

  /** Lines between the places of what both are recommended. */
  #lines() {
    const box = this.lines?.getBoundingClientRect();
    if (!this.lines || !box?.width) return;
    const [left, right] = this.body.querySelectorAll("ol");
    const middle = (/** @type {Element} */ line) => {
      const { top, height } = line.getBoundingClientRect();
      return top + height / 2 - box.top;
    };
    const drawn = [...left.querySelectorAll("li.shared")].flatMap((line) => {
      const other = right.querySelector(
        `li[data-key="${CSS.escape(/** @type {HTMLElement} */ (line).dataset.key ?? "")}"]`,
      );
      if (!other) return [];
      const [from, to, bend] = [middle(line), middle(other), box.width / 2];
      return [svg("path", { d: `M0 ${from}C${bend} ${from} ${bend} ${to} ${box.width} ${to}` })];
    });
    fill(this.lines, drawn);
  }
}
