/**
 * "Why not …": the item beside another one, of which somebody asks why it is not recommended in its place.
 * @module
 */

import { get } from "./api.js";
import { checkedText, inShort } from "./claims.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { bar, ends, inWords } from "./effects.js";
import { say } from "./live.js";
import { count, plain } from "./words.js";

/** @typedef {import("./api.js").Item} Item */

export class ContrastPanel {
  /** @param {(other: string) => void} choose */
  constructor(choose) {
    this.body = el("div");
    const search = combobox({
      label: "Why this, and not …",
      placeholder: "Search a title",
      noun: "item",
      find: async (q, signal) => (await get("items", { q, limit: 12 }, signal)).items,
      words: (/** @type {Item} */ item) => ({ title: item.title }),
      chosen: (item) => choose(item.id),
    });
    this.place = el("div.panel", {}, search, this.body);
  }

  clear() {
    fill(this.body, el("p.absent", {}, "Choose an item, and read what speaks for the one and not for the other."));
  }

  /** @param {any} found */
  show(found) {
    const { text, summary, checks } = checkedText(found.text, found.claims);
    const standings = el("div.versus", {}, standing(found.item), standing(found.other));
    fill(this.body, standings, text, summary, both(found), checks);
    say(`Why ${found.item.item.title}, and not ${found.other.item.title}. ${inShort(found.claims)}`);
  }
}

/** @typedef {{item: Item, rank: number, score: number}} Compared */

/** @param {Compared} compared */
function standing({ item, rank, score }) {
  return el(
    "p",
    {},
    el("b.title", {}, item.title),
    el("span", {}, `rank ${count(rank)}`),
    el("span", {}, `score ${plain(score)}`),
  );
}

/**
 * What each history item does to the one and to the other.
 * @param {any} found
 */
function both(found) {
  const reasons = (found.reasons ?? []).filter((/** @type {any} */ reason) => reason.effect && reason.other_effect);
  if (!reasons.length) return [];
  const from = ends(reasons.flatMap((/** @type {any} */ reason) => [reason.effect, reason.other_effect]));
  const cell = (/** @type {any} */ effect) => el("td", {}, bar(effect, from), inWords(effect));
  const rows = reasons.map((/** @type {any} */ reason) =>
    el(
      `tr${reason.decides ? ".decides" : ""}`,
      {},
      el("th", { scope: "row" }, reason.title, reason.decides && el("i", {}, "decides")),
      cell(reason.effect),
      cell(reason.other_effect),
    ),
  );
  const head = [found.item.item.title, found.other.item.title].map((title) => el("th", { scope: "col" }, title));
  return [
    el("h3", {}, "What each history item does to both"),
    el("table.both", {}, el("thead", {}, el("tr", {}, el("td"), head)), el("tbody", {}, rows)),
  ];
}
