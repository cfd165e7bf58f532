/**
 * What decides the places of lists: a bar of four parts for all users and for each group.
 * @module
 */

import { el, svg } from "./dom.js";
import { inWords } from "./figures.js";

/** @typedef {import("./audit.js").AuditFound} AuditFound */
/** @typedef {import("./figures.js").Row} Row */

const CLASSES = ["any_history", "last_item", "other_single_item", "several_items"];

/**
 * For all users, with what each part means; null where it was not measured.
 * @param {AuditFound} found
 */
export function places(found) {
  const rows = ofClasses(found, "");
  if (!rows) return null;
  const part = (/** @type {Row} */ row, /** @type {number} */ place) =>
    el(
      "li",
      {},
      svg(
        `svg.key.part-${place}`,
        { width: 12, height: 12, "aria-hidden": "true" },
        svg("rect", { width: 12, height: 12, rx: 2 }),
      ),
      el("span", {}, found.metrics[row.metric].title),
      el("b", {}, inWords(row, found)),
    );
  return el(
    "section.places",
    {},
    el("h2", {}, "What decides a place of a list"),
    el(
      "p.note",
      {},
      "Each place of each list was asked about again with changed histories: does it stay with random items, does it ",
      "stand or fall with one item, or do several items bear it together?",
    ),
    bar(rows),
    el("ul.legend", {}, rows.map(part)),
  );
}

/**
 * The bar of a group; null where it was not measured.
 * @param {AuditFound} found
 * @param {string} group
 */
export function placesOf(found, group) {
  const rows = ofClasses(found, group);
  return rows && bar(rows, rows.map((row) => `${found.metrics[row.metric].title} ${inWords(row, found)}`).join(", "));
}

/**
 * @param {AuditFound} found
 * @param {string} variant
 */
function ofClasses({ rows }, variant) {
  const own = CLASSES.flatMap(
    (name) => rows.find((row) => row.task === "audit" && row.metric === name && row.variant === variant) ?? [],
  );
  return own.length === CLASSES.length && own.every((row) => row.value !== null) ? own : null;
}

/**
 * @param {Row[]} rows
 * @param {string} [label] What it shows, where that is not said beside it.
 */
function bar(rows, label) {
  let from = 0;
  const parts = rows.flatMap((row, place) => {
    const share = 100 * (row.value ?? 0);
    const x = from;
    from += share;
    const text = share >= 6 && svg("text", { x: `${x + share / 2}%`, y: 20 }, `${Math.round(share)}%`);
    return [
      svg(
        `g.part-${place}`,
        {},
        svg("rect", { x: `${x.toFixed(2)}%`, y: 0, width: `${share.toFixed(2)}%`, height: 30 }),
        text,
      ),
    ];
  });
  const spoken = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return svg("svg.stack", { width: "100%", height: 30, ...spoken }, parts);
}
