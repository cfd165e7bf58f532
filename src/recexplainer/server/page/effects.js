/**
 * What an item of the history does, as a bar: from the least to the most by how one asks, with a dot where it is left
 * out; as in the report.
 * @module
 */

import { el, svg } from "./dom.js";
import { DIRECTIONS, DIRECTIONS_IN_FULL, range, signed } from "./words.js";

/** @typedef {import("./api.js").Effect} Effect */

/**
 * From where to where the bars of a history go, zero included.
 * @param {(Effect | null | undefined)[]} effects
 * @returns {[number, number]}
 */
export function ends(effects) {
  const values = effects.flatMap((effect) => (effect ? [effect.low, effect.high] : []));
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  return low < high ? [low, high] : [0, 1];
}

/**
 * @param {Effect} effect
 * @param {[number, number]} from
 */
export function bar(effect, [first, last]) {
  const place = (/** @type {number} */ value) => `${(2 + (96 * (value - first)) / (last - first)).toFixed(2)}%`;
  const near = Math.min(Math.max(0, effect.low), effect.high);
  const line = (/** @type {string} */ kind, /** @type {number} */ from, /** @type {number} */ to) =>
    svg(`line.${kind}`, { x1: place(from), x2: place(to), y1: 8, y2: 8 });
  return svg(
    `svg.effect.${known(effect.direction)}`,
    { width: "100%", height: 16, "aria-hidden": "true" },
    svg("line.axis", { x1: place(0), x2: place(0), y1: 0, y2: 16 }),
    line("stem", 0, near),
    line("range", effect.low, effect.high),
    svg("circle.dot", { cx: place(effect.value), cy: 8, r: 3.6 }),
  );
}

/**
 * Direction and range in words.
 * @param {Effect} effect
 */
export function inWords(effect) {
  const word = DIRECTIONS[known(effect.direction)];
  const spoken = DIRECTIONS_IN_FULL[known(effect.direction)];
  const numbers = range(effect);
  return el(
    `span.numbers.${known(effect.direction)}`,
    { title: title(effect) },
    el("b", { "aria-hidden": "true" }, word),
    el("span", { "aria-hidden": "true" }, numbers),
    el("span.unseen", {}, `${spoken}, ${range(effect, " to ")}, left out ${signed(effect.value)}`),
  );
}

/** @type {Record<string, string>} */
const WAYS = { deletion: "left out", padding: "place kept", replacement: "replaced", shapley: "in parts" };

/**
 * Each way to ask with its answer.
 * @param {Effect} effect
 */
function title(effect) {
  const answers = Object.entries(effect.ways).map(([name, value]) => `${WAYS[name] ?? name} ${signed(value)}`);
  return `${DIRECTIONS_IN_FULL[known(effect.direction)]}: ${answers.join(", ")}`;
}

/** @param {string} direction */
export function known(direction) {
  return direction in DIRECTIONS ? direction : "unknown";
}
