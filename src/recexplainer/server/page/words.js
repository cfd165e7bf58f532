/**
 * How numbers, ranks and counts are written, as in the report: a true minus sign, small numbers with their first digit.
 * @module
 */

const COUNT = new Intl.NumberFormat("en");
const SMALL = 0.01;

/** @param {number} value */
export function count(value) {
  return COUNT.format(value);
}

/** @param {number} value */
export function plain(value) {
  const size = Math.abs(value);
  const text = size && size < SMALL ? String(Number(size.toPrecision(1))) : size.toFixed(2);
  return value < 0 ? `−${text}` : text;
}

/** @param {number} value */
export function signed(value) {
  const text = plain(value);
  return text.startsWith("−") ? text : `+${text}`;
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [several]
 */
export function many(number, one, several = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : several}`;
}

/**
 * The smallest and the largest answer, one number where they read the same.
 * @param {{low: number, high: number}} effect
 * @param {string} [to]
 */
export function range(effect, to = " … ") {
  const low = signed(effect.low);
  const high = signed(effect.high);
  return low === high ? low : `${low}${to}${high}`;
}

/** @type {Record<string, string>} */
export const DIRECTIONS = {
  for: "for",
  against: "against",
  depends: "depends",
  negligible: "hardly any",
  unknown: "not known",
};

/** @type {Record<string, string>} */
export const DIRECTIONS_IN_FULL = {
  for: "for it",
  against: "against it",
  depends: "depends on the rest of the history",
  negligible: "hardly any effect",
  unknown: "not known",
};

/** @type {Record<string, string>} */
export const SIGNS = { supported: "✓", unverified: "?", contradicted: "✗" };

/** From the worst. */
export const STATUSES = ["contradicted", "unverified", "supported"];
