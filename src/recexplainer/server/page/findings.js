/**
 * The sentences of an audit, each with the figures that it rests on and the thresholds that it was checked by.
 * @module
 */

import { el } from "./dom.js";
import { called, figure } from "./figures.js";
import { many, SIGNS } from "./words.js";

/**
 * @typedef {object} Finding
 * @property {string} name
 * @property {string} subject
 * @property {"supported" | "contradicted" | "unverified"} status Contradicted: the text says the opposite.
 * @property {string} text
 * @property {import("./figures.js").Row[]} figures
 * @property {string[]} thresholds
 * @property {number[]} bounds The thresholds as numbers, or none.
 * @property {("supported" | "contradicted" | "unverified")[]} met Of each of these whether its figure meets it.
 */

/** @typedef {import("./figures.js").Names & {findings: Finding[]}} Found */

/** The subjects that are about all users; those of groups stand with the groups. */
const SUBJECTS = {
  history: "What decides lists",
  attributes: "Attributes that move scores",
  reasons: "How stable reasons are",
  catalogue: "The catalogue",
  surrogate: "The surrogate",
};

/** @param {Found} found */
export function findings(found) {
  const sections = Object.entries(SUBJECTS).flatMap(([subject, heading]) => {
    const said = found.findings.filter((one) => one.subject === subject && one.status !== "unverified");
    return said.length ? [el("section", {}, el("h3", {}, heading), sentences(said, found))] : [];
  });
  return el(
    "section.said-part",
    {},
    el("h2", {}, "What was found"),
    el(
      "p.note",
      {},
      "A sentence is said if each of its figures meets its threshold with the whole 95% interval (✓), its ",
      "opposite if one misses it so (✗); else it is not decided (?). A track goes from 0 to 100%: the dot is the ",
      "figure, the bar its interval, the stroke the threshold.",
    ),
    sections.length ? sections : el("p.absent", {}, "No figure is certain enough for a sentence."),
  );
}

/**
 * What is not decided, folded.
 * @param {Found} found
 */
export function undecided(found) {
  const open = found.findings.filter((one) => one.status === "unverified");
  if (!open.length) return null;
  return el(
    "details.undecided",
    {},
    el("summary", {}, `Not decided: ${many(open.length, "sentence")}`),
    sentences(open, found),
  );
}

/**
 * @param {Finding[]} some
 * @param {Found} found
 */
export function sentences(some, found) {
  const line = (/** @type {Finding} */ one) =>
    el(
      `li.finding.${one.status === "unverified" ? "open" : "said"}`,
      {},
      el("p", {}, one.text),
      el(
        "ul",
        {},
        one.figures.map((row, place) =>
          figure(called(row, found), row, found, { bound: one.bounds[place], beside: threshold(one, place) }),
        ),
      ),
    );
  return el("ul.findings", {}, some.map(line));
}

/** @type {Record<string, string>} */
const MET = { supported: "met", unverified: "not clear", contradicted: "not met" };

/**
 * A threshold, and whether the figure meets it.
 * @param {Finding} finding
 * @param {number} place
 */
function threshold(finding, place) {
  const words = finding.thresholds[place];
  const met = finding.met[place];
  if (!met) return words && `needed: ${words}`;
  return el(
    `span.met.${met}`,
    {},
    `${words} `,
    el("b", { "aria-hidden": "true" }, SIGNS[met]),
    el("span.unseen", {}, MET[met]),
  );
}
