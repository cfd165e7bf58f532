/**
 * A figure of an audit with its 95% interval: in words, and where it is a share on a track from 0 to 100%.
 * @module
 */

import { el, svg } from "./dom.js";

/**
 * @typedef {object} Row
 * @property {string} task
 * @property {string} metric
 * @property {string} variant "" for all users, else a group of them, or a part of the questions.
 * @property {number | null} value
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} cases
 */

/** @typedef {{title: string, meaning: string, unit: string}} Metric */
/** @typedef {{metrics: Record<string, Metric>, parts: Record<string, string>}} Names */

export const DIFFERENCE = "audit_difference";

/** What stands in place of a track. @type {Record<string, string>} */
const UNITS = { "standard deviations": "in standard deviations of the scores", coefficient: "from 0 to 1" };
const ROUNDED = { minimumFractionDigits: 0, maximumFractionDigits: 0, roundingMode: "halfEven" };
const WHOLE = new Intl.NumberFormat("en", /** @type {any} */ (ROUNDED));
const HUNDREDTHS = new Intl.NumberFormat(
  "en",
  /** @type {any} */ ({ ...ROUNDED, minimumFractionDigits: 2, maximumFractionDigits: 2 }),
);

/**
 * The figure with its interval, as `recexplainer audit` writes it: `82% (79–85%)`, `+0.41 (+0.32 to +0.50)`,
 * `−6 points (−8 to −4)`.
 * @param {Row} row
 * @param {Names} names
 */
export function inWords(row, { metrics }) {
  if (row.value === null) return "not measured";
  const unit = metrics[row.metric]?.unit;
  const own = row.task !== DIFFERENCE && unit !== "standard deviations";
  const form = (/** @type {number} */ value) => {
    const text = unit === "share" ? WHOLE.format(100 * Math.abs(value)) : HUNDREDTHS.format(Math.abs(value));
    return own ? text : `${value < 0 ? "−" : "+"}${text}`;
  };
  const after = unit !== "share" ? "" : own ? "%" : " points";
  const value = `${form(row.value)}${after}`;
  if (row.low === null || row.high === null) return value;
  return own
    ? `${value} (${form(row.low)}–${form(row.high)}${after})`
    : `${value} (${form(row.low)} to ${form(row.high)})`;
}

/**
 * What a figure is called.
 * @param {Row} row
 * @param {Names} names
 */
export function called(row, { metrics, parts }) {
  const title = metrics[row.metric]?.title ?? row.metric;
  const part = row.variant ? `, ${parts[row.variant] ?? row.variant}` : "";
  return `${title}${part}${row.task === DIFFERENCE ? " (difference)" : ""}`;
}

/**
 * A share as a dot in its interval, on a track from 0 to 100%; null where the figure is no share.
 * @param {Row} row
 * @param {Names} names
 * @param {number} [bound] The threshold that is marked.
 */
export function track(row, { metrics }, bound) {
  if (row.value === null || metrics[row.metric]?.unit !== "share" || row.task === DIFFERENCE) return null;
  const place = (/** @type {number} */ value) => `${(100 * value).toFixed(2)}%`;
  const ends = row.low !== null && row.high !== null;
  return svg(
    "svg.track",
    { width: "100%", height: 18, "aria-hidden": "true" },
    svg("rect.whole-track", { x: 0, y: 7, width: "100%", height: 4, rx: 2 }),
    bound !== undefined && svg("line.bound", { x1: place(bound), x2: place(bound), y1: 0, y2: 18 }),
    ends && svg("line.interval", { x1: place(row.low ?? 0), x2: place(row.high ?? 0), y1: 9, y2: 9 }),
    svg("circle.value", { cx: place(row.value), cy: 9, r: 3 }),
  );
}

/**
 * A figure: what it is of, drawn, in words, and what there is to say beside it.
 * @param {string} label
 * @param {Row} row
 * @param {Names} names
 * @param {{bound?: number, beside?: HTMLElement | string | false}} [how]
 */
export function figure(label, row, names, { bound, beside = false } = {}) {
  const drawn = track(row, names, bound);
  return el(
    "li.figure",
    {},
    el("span.of", {}, label),
    beside && el("small", {}, beside),
    drawn ?? el("span.unit", {}, UNITS[names.metrics[row.metric]?.unit] ?? ""),
    el("span.in-words", {}, inWords(row, names)),
  );
}
