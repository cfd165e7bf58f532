/**
 * The first recommendations, each with its phrase; after a change of the history they move to where they then stand.
 * @module
 */

import { el, fill } from "./dom.js";
import { say } from "./live.js";
import { count, many, plain } from "./words.js";

/** @typedef {import("./api.js").Ranked} Ranked */

const MOVE = 420; // milliseconds

export class Ranking {
  /** @param {(item: string) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.note = el("p.note");
    this.list = el("ol.ranking");
    this.left = el("div.left");
    this.reasons = el("div");
    const parts = [el("h2", {}, "Recommendations"), this.note, this.list, this.reasons, this.left];
    this.place = el("section.pane", { "aria-label": "Recommendations" }, parts);
  }

  /**
   * @param {Ranked[]} items
   * @param {Ranked[] | null} before The list of the unchanged history; null where it is not changed.
   * @param {string} chosen
   */
  show(items, before, chosen) {
    const moved = this.#remember();
    fill(
      this.list,
      items.map((item) => this.#line(item, before !== null)),
    );
    fill(
      this.note,
      before === null
        ? `The ${items.length} first, each with its main reason`
        : "Where they stand with the changed history",
    );
    this.#gone(items, before);
    this.mark(chosen);
    moved();
    if (before !== null) say(this.#told(items, before));
  }

  /**
   * Phrases that come after the list.
   * @param {Ranked[]} items
   */
  explain(items) {
    const own = new Map(items.map((item) => [item.id, item]));
    for (const place of this.list.querySelectorAll("[data-id]")) {
      const item = own.get(place.dataset.id);
      if (item) place.querySelector(".phrase")?.replaceWith(phrase(item));
    }
  }

  /** @param {string} chosen */
  mark(chosen) {
    for (const button of this.list.querySelectorAll("button")) {
      if (button.dataset.id === chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /**
   * @param {Ranked} item
   * @param {boolean} changed
   */
  #line(item, changed) {
    return el(
      "li",
      { "data-key": item.id },
      el(
        "button.place",
        { type: "button", "data-id": item.id, click: () => this.choose(item.id) },
        el("span.rank", {}, el("span.unseen", {}, "Rank "), count(item.rank)),
        el("span.what", {}, el("span.title", {}, item.title), phrase(item)),
        el(
          "span.side",
          {},
          el("span.score", {}, el("span.unseen", {}, "score "), plain(item.score)),
          changed && move(item),
        ),
      ),
    );
  }

  /**
   * @param {Ranked[]} items
   * @param {Ranked[] | null} before
   */
  #gone(items, before) {
    const here = new Set(items.map((item) => item.id));
    const gone = (before ?? []).filter((item) => !here.has(item.id));
    if (!gone.length) return fill(this.left);
    fill(
      this.left,
      el("h3", {}, `No longer among the ${items.length}`),
      el(
        "ul",
        {},
        gone.map((item) => el("li", {}, item.title, el("small", {}, now(item)))),
      ),
    );
  }

  /**
   * @param {Ranked[]} items
   * @param {Ranked[]} before
   */
  #told(items, before) {
    const old = new Map(before.map((item) => [item.id, item.rank]));
    const fresh = items.filter((item) => !old.has(item.id)).length;
    const moved = items.filter((item) => old.has(item.id) && old.get(item.id) !== item.rank).length;
    const first = items[0]?.title ?? "nothing";
    return `The list was ranked again: ${many(fresh, "new item")}, ${moved} moved. First is ${first}.`;
  }

  /** Where the lines stand now; call what it returns once the new ones stand, and they move from there. */
  #remember() {
    const lines = () => /** @type {HTMLElement[]} */ ([...this.list.children]);
    const old = new Map(lines().map((line) => [line.dataset.key, line.getBoundingClientRect().top]));
    const focused =
      document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement)
        ? document.activeElement.dataset.id
        : undefined;
    return () => {
      if (focused) this.list.querySelector(`button[data-id="${CSS.escape(focused)}"]`)?.focus();
      if (!old.size || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      const how = { duration: MOVE, easing: "cubic-bezier(.2, .7, .2, 1)" };
      for (const line of lines()) {
        const from = old.get(line.dataset.key);
        const by = from === undefined ? 0 : from - line.getBoundingClientRect().top;
        if (from === undefined) line.animate([{ opacity: 0 }, { opacity: 1 }], how);
        else if (by) line.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], how);
      }
    };
  }
}

/** @param {Ranked} item */
function phrase(item) {
  return item.phrase ? el("span.phrase", {}, item.phrase) : el("span.phrase.none", {}, item.no_reason ?? " ");
}

/** @param {Ranked} item */
function now(item) {
  return item.rank_after ? `now rank ${count(item.rank_after)}` : "";
}

/** @param {Ranked} item */
function move(item) {
  const before = item.rank_before;
  if (!before) return el("span.move.new", {}, "new");
  const by = before - item.rank;
  if (!by) return el("span.move", {}, el("span", { "aria-hidden": "true" }, "="), el("span.unseen", {}, "unmoved"));
  const word = by > 0 ? "up" : "down";
  const sign = by > 0 ? "↑" : "↓";
  return el(
    `span.move.${word}`,
    { title: `from rank ${count(before)}` },
    el("span", { "aria-hidden": "true" }, `${sign} ${count(Math.abs(by))}`),
    el("span.unseen", {}, `${word} ${count(Math.abs(by))}, from rank ${count(before)}`),
  );
}
