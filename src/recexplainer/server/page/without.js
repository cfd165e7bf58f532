/**
 * What would be without each item of the history: how far the item asked about would move in the ranking, on a
 * logarithmic scale, since a step from 1 to 2 is as much as one from 100 to 200.
 * @module
 */

import { el, svg } from "./dom.js";
import { count } from "./words.js";

/** @typedef {import("./api.js").Item & {without: {rank: number, score: number} | null}} Reason */

const FIRST = 6; // that move, shown; the others by a button

/**
 * @param {{rank: number, n_ranked: number}} item
 * @param {Reason[]} reasons
 * @returns {HTMLElement[]}
 */
export function withoutEach(item, reasons) {
  const then = (/** @type {Reason} */ reason) => reason.without?.rank ?? item.rank;
  const known = reasons.filter((reason) => reason.without);
  if (!known.length) return [];
  const far = (/** @type {Reason} */ reason) => Math.abs(Math.log(then(reason) / item.rank));
  const moving = known.filter((reason) => then(reason) !== item.rank).sort((one, other) => far(other) - far(one));
  const ranks = [item.rank, ...moving.map(then)];
  const scale = logarithmic(Math.min(...ranks), Math.max(...ranks));
  const lines = moving.map((reason) => line(reason, item.rank, scale));
  const heading = el(
    "h3",
    {},
    "What would be without each",
    el("span", {}, `rank now: ${count(item.rank)} of ${count(item.n_ranked)}`),
  );
  return [heading, el("ul.without", {}, lines), ...further(lines), ...staying(known.length - moving.length, item.rank)];
}

/**
 * A button for the lines beyond the first ones, which are hidden until then.
 * @param {HTMLElement[]} lines
 */
function further(lines) {
  const rest = lines.slice(FIRST);
  if (!rest.length) return [];
  rest.forEach((each) => (each.hidden = true));
  const more = el("button.quiet", { type: "button" }, `Show ${rest.length} more`);
  more.addEventListener("click", () => {
    rest.forEach((each) => (each.hidden = false));
    more.remove();
    rest[0].tabIndex = -1;
    rest[0].focus();
  });
  return [more];
}

/**
 * @param {number} number Of items without each of which the rank stays.
 * @param {number} rank
 */
function staying(number, rank) {
  if (!number) return [];
  const which = number === 1 ? "one other item" : `any one of ${count(number)} other items`;
  return [el("p.stays", {}, `Without ${which} it stays at rank ${count(rank)}.`)];
}

/**
 * @param {number} low
 * @param {number} high
 */
function logarithmic(low, high) {
  const [first, last] = [Math.log(low), Math.log(Math.max(high, low * 2))];
  return (/** @type {number} */ rank) => `${(4 + (92 * (Math.log(rank) - first)) / (last - first)).toFixed(2)}%`;
}

/**
 * @param {Reason} reason
 * @param {number} now
 * @param {(rank: number) => string} scale
 */
function line(reason, now, scale) {
  const then = reason.without?.rank ?? now;
  const way = then > now ? "falls" : "rises";
  return el(
    `li.${way}`,
    {},
    el("span.title", {}, reason.title),
    svg(
      "svg.shift",
      { width: "100%", height: 16, "aria-hidden": "true" },
      svg("line.axis", { x1: scale(now), x2: scale(now), y1: 0, y2: 16 }),
      svg("line.way", { x1: scale(now), x2: scale(then), y1: 8, y2: 8 }),
      svg("circle.from", { cx: scale(now), cy: 8, r: 2.5 }),
      svg("circle.to", { cx: scale(then), cy: 8, r: 4.5 }),
    ),
    el("span.ranks", { "aria-hidden": "true" }, `${count(now)} → ${count(then)}`),
    el("span.unseen", {}, `${way} from rank ${count(now)} to ${count(then)}`),
  );
}
