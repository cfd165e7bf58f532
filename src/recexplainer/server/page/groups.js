/**
 * Groups of users: what decides their lists, what differs between them, and by how much.
 * @module
 */

import { el } from "./dom.js";
import { DIFFERENCE, figure, inWords } from "./figures.js";
import { sentences } from "./findings.js";
import { placesOf } from "./places.js";
import { many } from "./words.js";

/** @typedef {import("./audit.js").AuditFound} AuditFound */
/** @typedef {import("./figures.js").Row} Row */

/** What is shown elsewhere: by the bars, and beside the surrogate. */
const ELSEWHERE = ["any_history", "last_item", "other_single_item", "several_items", "surrogate_agreement"];

/** @param {AuditFound} found */
export function groups(found) {
  const names = Object.keys(found.groups);
  const title = el("h2", {}, "Groups of users");
  if (!names.length) return el("section", {}, title, el("p.absent", {}, "All users that were drawn are of one group."));
  const said = found.findings.filter((one) => one.subject === "groups");
  return el(
    "section.groups",
    {},
    title,
    said.length
      ? sentences(said, found)
      : el(
          "p.absent",
          {},
          "No sentence on a group: no figure differs from that of the others by ten percentage points or more with ",
          "its whole interval. Smaller differences can be chance, among so many.",
        ),
    bars(found, names),
    figures(found, names),
  );
}

/**
 * The figures of the groups: those that differ clearly, and the others folded.
 * @param {AuditFound} found
 * @param {string[]} names
 */
function figures(found, names) {
  const all = shown(found);
  const clear = all.filter((metric) => differs(metric, found));
  const others = all.filter((metric) => !clear.includes(metric));
  const list = (/** @type {string[]} */ metrics) =>
    el(
      "ul.compared",
      {},
      metrics.map((metric) => compared(metric, found, names)),
    );
  return [
    el("h3", {}, "Figures that differ"),
    el(
      "p.note",
      {},
      "At the right of a group’s name: by how much its figure differs from that of all others. Here are those whose ",
      "whole 95% interval is off zero; some are by chance.",
    ),
    clear.length ? list(clear) : el("p.absent", {}, "There are none."),
    others.length > 0 &&
      el(
        "details",
        {},
        el("summary", {}, `Without a clear difference: ${many(others.length, "figure")}`),
        list(others),
        el(
          "p.note",
          {},
          "Coverage and the Gini coefficient depend on how many users there are: compare them only between groups of ",
          "about the same size.",
        ),
      ),
  ];
}

/**
 * @param {string} metric
 * @param {AuditFound} found
 */
function differs(metric, found) {
  return found.rows.some(
    (row) => row.task === DIFFERENCE && row.metric === metric && row.variant in found.groups && isClear(row),
  );
}

/** @param {Row} row */
function isClear(row) {
  return (row.low ?? 0) > 0 || (row.high ?? 0) < 0;
}

/**
 * The metrics that groups are compared by.
 * @param {AuditFound} found
 */
function shown({ rows, groups: own }) {
  const of = rows.filter((row) => row.task === "audit" && row.variant in own && !ELSEWHERE.includes(row.metric));
  return [...new Set(of.map((row) => row.metric))];
}

/**
 * @param {AuditFound} found
 * @param {string[]} names
 */
function bars(found, names) {
  const lines = names.flatMap((name) => {
    const drawn = placesOf(found, name);
    const users = el("small", {}, many(found.groups[name], "user"));
    return drawn ? [el("li", {}, el("span", {}, capital(found.parts[name] ?? name), users), drawn)] : [];
  });
  return lines.length > 0 && [el("h3", {}, "What decides a place of a list"), el("ul.bars", {}, lines)];
}

/**
 * A figure of each group, with how much it differs from that of all others.
 * @param {string} metric
 * @param {AuditFound} found
 * @param {string[]} names
 */
function compared(metric, found, names) {
  const row = (/** @type {string} */ task, /** @type {string} */ name) =>
    found.rows.find((each) => each.task === task && each.metric === metric && each.variant === name);
  const line = (/** @type {string} */ name, /** @type {number} */ place) => {
    const own = row("audit", name);
    if (!own) return null;
    // Of two groups one is all others of the other: their difference is said once.
    const difference = names.length === 2 && place ? undefined : row(DIFFERENCE, name);
    const beside = difference && el(`span${isClear(difference) ? ".clear" : ""}`, {}, inWords(difference, found));
    return figure(found.parts[name] ?? name, own, found, { beside });
  };
  return el("li", {}, el("h4", {}, capital(found.metrics[metric].title)), el("ul", {}, names.map(line)));
}

/** @param {string} text */
function capital(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
