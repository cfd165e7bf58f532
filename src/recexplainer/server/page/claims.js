/**
 * A text with its claims marked where they stand, and what was checked below it, in the words, colours and signs of
 * the report. Offsets count code points, as the server does.
 * @module
 */

import { el } from "./dom.js";
import { many, SIGNS, STATUSES } from "./words.js";

/** @typedef {import("./api.js").Claim} Claim */
/** @typedef {import("./api.js").Stretch} Stretch */
const LONG = 25; // characters of a word that may be broken

/** @typedef {{number: number, start: number, end: number, words: string, status: string, claims: Claim[]}} Place */

/**
 * The stretches of a text that claim something, in order.
 * @param {string[]} points The text's code points.
 * @param {Claim[]} claims
 * @returns {Place[]}
 */
function places(points, claims) {
  /** @type {Map<string, Place>} */
  const found = new Map();
  const inside = (/** @type {number} */ offset) => Math.min(Math.max(0, offset), points.length);
  for (const claim of claims) {
    const [start, end] = [inside(claim.start), inside(claim.end)];
    const key = `${start} ${end}`;
    const words = points.slice(start, end).join("");
    const place = found.get(key) ?? { number: 0, start, end, words, status: "supported", claims: [] };
    place.claims.push(claim);
    place.status = worst(place.claims.map((each) => each.status));
    found.set(key, place);
  }
  const sorted = [...found.values()].sort((one, other) => one.start - other.start || one.end - other.end);
  sorted.forEach((place, number) => (place.number = number + 1));
  return sorted;
}

/** @param {string[]} statuses */
function worst(statuses) {
  return STATUSES.find((status) => statuses.includes(status)) ?? "unverified";
}

/**
 * @param {string} text
 * @param {Claim[]} claims
 * @param {Stretch[]} [unread] Sentences that were not understood.
 * @returns {{text: HTMLElement, summary: HTMLElement, checks: HTMLElement[]}}
 */
export function checkedText(text, claims, unread = []) {
  const points = Array.from(text);
  const marked = places(points, claims);
  const rows = marked.map((place) => row(place));
  const quote = el("blockquote", {}, segments(points, marked, rows, unread));
  link(quote, marked, rows);
  const list = marked.length ? el("ol.claims", {}, rows) : el("p.absent", {}, "No claim was found in this text.");
  return { text: quote, summary: summary(claims, unread), checks: [el("h3", {}, "What was checked"), list] };
}

/**
 * @param {string[]} points
 * @param {Place[]} marked
 * @param {HTMLElement[]} rows
 * @param {Stretch[]} unread
 */
function segments(points, marked, rows, unread) {
  const cuts = [0, points.length, ...[...marked, ...unread].flatMap((each) => [each.start, each.end])];
  const sorted = [...new Set(cuts)].sort((one, other) => one - other);
  /** @type {Node[]} */
  const made = [];
  sorted.slice(0, -1).forEach((start, number) => {
    const end = sorted[number + 1];
    const over = marked.filter((place) => place.start <= start && end <= place.end);
    const words = points.slice(start, end).join("");
    const signs = over.filter((place) => place.end === end).map((place) => sign(place, rows[place.number - 1]));
    if (over.length) {
      const names = over.map((place) => place.number).join(" ");
      const [first, last] = beforeLast(words);
      const end = el(last.length < LONG ? "span.last" : "span", {}, last, signs);
      made.push(el(`mark.${worst(over.map((place) => place.status))}`, { "data-claims": names }, first, end));
    } else if (unread.some((each) => each.start <= start && end <= each.end)) {
      made.push(el("span.unread", { title: "not understood: nothing is known of it" }, words));
    } else made.push(document.createTextNode(words));
  });
  return made;
}

/**
 * A stretch cut before its last word, which stays on one line with the sign behind it.
 * @param {string} words
 */
function beforeLast(words) {
  const at = words.trimEnd().search(/\S+$/);
  return [words.slice(0, Math.max(0, at)), words.slice(Math.max(0, at))];
}

/**
 * @param {Place} place
 * @param {HTMLElement} target
 */
function sign(place, target) {
  const shown = `${SIGNS[place.status] ?? "?"}${place.number}`;
  const show = () => {
    target.scrollIntoView({ block: "nearest" });
    target.focus();
  };
  return el(
    `button.sign.${place.status}`,
    { type: "button", "aria-label": `Claim ${place.number}, ${place.status}`, click: show },
    shown,
  );
}

/** @param {Place} place */
function row(place) {
  const several = new Set(place.claims.map((claim) => claim.item?.id)).size > 1;
  const quoted = place.claims.some((claim) => claim.said.includes(place.words));
  return el(
    `li.claim.${place.status}`,
    { tabindex: "-1", "data-number": place.number },
    el("span.number", { "aria-hidden": "true" }, place.number),
    el(
      "div",
      {},
      !quoted && el("q", {}, place.words),
      place.claims.map((claim) => check(claim, several)),
    ),
  );
}

/**
 * @param {Claim} claim
 * @param {boolean} named Whether it must be said which item it is about.
 */
function check(claim, named) {
  const title = claim.item?.title ?? "";
  const about = named && title && !claim.said.includes(title) ? `${title}: ` : "";
  return el(
    "div.check",
    {},
    el("p.said", {}, about, claim.said),
    el(`p.status.${claim.status}`, {}, `${SIGNS[claim.status] ?? "?"} ${claim.status}`),
    el("p.found", {}, claim.found),
  );
}

/**
 * A marked stretch and its row light up together.
 * @param {HTMLElement} quote
 * @param {Place[]} marked
 * @param {HTMLElement[]} rows
 */
function link(quote, marked, rows) {
  const light = (/** @type {number[]} */ numbers, /** @type {boolean} */ on) => {
    for (const mark of quote.querySelectorAll("mark")) {
      const own = (mark.dataset.claims ?? "").split(" ").map(Number);
      mark.classList.toggle("is-lit", on && own.some((each) => numbers.includes(each)));
    }
    for (const each of rows) each.classList.toggle("is-lit", on && numbers.includes(Number(each.dataset.number)));
  };
  marked.forEach((place, at) => {
    for (const [name, on] of /** @type {const} */ ([
      ["pointerenter", true],
      ["pointerleave", false],
      ["focusin", true],
      ["focusout", false],
    ])) {
      rows[at].addEventListener(name, () => light([place.number], on));
    }
  });
  quote.addEventListener("pointerover", (event) => {
    const mark = event.target instanceof Element ? event.target.closest("mark") : null;
    light(mark ? (mark.dataset.claims ?? "").split(" ").map(Number) : [], Boolean(mark));
  });
  quote.addEventListener("pointerleave", () => {
    const focused = rows.findIndex((each) => each === document.activeElement);
    light(focused < 0 ? [] : [marked[focused].number], focused >= 0);
  });
}

/**
 * How many claims there are and how they fare, in a sentence.
 * @param {Claim[]} claims
 * @param {Stretch[]} [unread]
 */
export function inShort(claims, unread = []) {
  if (!claims.length) return unread.length ? "Nothing of this text was understood." : "The text claims nothing.";
  const number = (/** @type {string} */ status) => claims.filter((claim) => claim.status === status).length;
  const parts = STATUSES.filter((status) => number(status)).map((status) => `${number(status)} ${status}`);
  const all = number("supported") === claims.length;
  const how = claims.length === 1 ? "Its one claim is supported" : `All ${claims.length} claims are supported`;
  const first = all ? `${how} by the recommender.` : `${many(claims.length, "claim")}: ${parts.join(", ")}.`;
  return unread.length ? `${first} ${many(unread.length, "sentence")} not understood.` : first;
}

/**
 * @param {Claim[]} claims
 * @param {Stretch[]} unread
 */
function summary(claims, unread) {
  const status = claims.length ? worst(claims.map((claim) => claim.status)) : "unverified";
  return el(`p.in-short.${status}`, {}, el("span", { "aria-hidden": "true" }, SIGNS[status]), inShort(claims, unread));
}
