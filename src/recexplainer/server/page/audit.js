/**
 * The recommender as a whole: its audit, which the server makes when it is first asked for.
 * @module
 */

import { getMade } from "./api.js";
import { el, fill } from "./dom.js";
import { figure } from "./figures.js";
import { findings, undecided } from "./findings.js";
import { groups } from "./groups.js";
import { Latest } from "./latest.js";
import { say } from "./live.js";
import { parameters } from "./parameters.js";
import { places } from "./places.js";
import { count, many } from "./words.js";

/**
 * An audit, as `recexplainer audit --json` prints it.
 * @typedef {object} AuditFound
 * @property {string} name
 * @property {string} date
 * @property {number} users
 * @property {number} of_users
 * @property {number} list_length
 * @property {number} questions
 * @property {string} lead
 * @property {Record<string, number>} groups
 * @property {import("./figures.js").Row[]} rows
 * @property {import("./findings.js").Finding[]} findings
 * @property {{what: string, why: string}[]} left_out
 * @property {{title: string, share: number, interactions: number}[]} most_recommended
 * @property {{note: string, parameters: string, method: string}} parameters
 * @property {Record<string, import("./figures.js").Metric>} metrics
 * @property {Record<string, string>} parts
 */

export const TITLE = "The recommender as a whole";
const MAKING = "The audit is being made.";
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const AGREEMENT = "surrogate_agreement";
const PARTS = ["", "recommended", "not_recommended", "popular", "rare"];

export class Audit {
  /** What was found, to be exported. @type {AuditFound | undefined} */
  found = undefined;

  constructor() {
    this.kicker = el("p.kicker", {}, "Audit");
    this.lead = el("p.lead", { hidden: true });
    this.size = el("p.size");
    this.making = el(
      "div.making",
      { hidden: true },
      el("p", {}, el("b", {}, MAKING), " The recommender is asked about thousands of histories, which takes a while."),
      el("progress", { "aria-label": "The audit is being made" }),
      el("p.note", {}, "You can leave this view meanwhile: it is made once, and is here when you come back."),
    );
    this.body = el("div");
    this.asked = new Latest(this.body);
    this.place = el(
      "section.audit",
      { hidden: true },
      el("header", {}, this.kicker, el("h1", { tabindex: "-1" }, TITLE), this.lead, this.size),
      this.asked.trouble,
      this.making,
      this.body,
    );
  }

  /** Ask for it, unless it is there or being asked for. */
  show() {
    void this.asked.ask(
      "audit",
      (signal) => this.#made(signal),
      (found) => this.#draw(found),
    );
  }

  /** It is not looked at any more: what is not there yet is no more asked for. The server goes on. */
  leave() {
    if (!this.found) this.asked.forget();
  }

  /** @param {AbortSignal} signal */
  async #made(signal) {
    try {
      return await getMade("audit", signal, () => {
        if (this.making.hidden) say(`${MAKING} You can leave this view meanwhile.`);
        this.making.hidden = false;
      });
    } finally {
      this.making.hidden = true;
    }
  }

  /** @param {AuditFound} found */
  #draw(found) {
    this.found = found;
    const users = `${count(found.users)} of ${many(found.of_users, "user")}`;
    this.kicker.textContent = `Audit of ${found.name}`;
    this.lead.hidden = false;
    this.lead.textContent = found.lead;
    this.size.textContent =
      `Made on ${DAY.format(new Date(`${found.date}T00:00:00Z`))}, on ${users}, drawn at random, with the first ` +
      `${many(found.list_length, "item")} recommended to each. The recommender scored ` +
      `${many(found.questions, "history", "histories")} for it.`;
    fill(
      this.body,
      places(found),
      findings(found),
      undecided(found),
      groups(found),
      surrogate(found),
      mostRecommended(found),
      leftOut(found),
      parameters(found.parameters),
      meanings(found),
    );
    const said = found.findings.filter((one) => one.status !== "unverified");
    say(`The audit is there: ${many(said.length, "sentence")} on ${users}.`);
  }
}

/** @param {AuditFound} found */
function surrogate(found) {
  const asked = found.rows.filter((row) => row.metric === AGREEMENT && row.task === "audit");
  if (!asked.length) return null;
  const parts = [...PARTS, ...Object.keys(found.groups)];
  const ordered = parts.flatMap((part) => asked.find((row) => row.variant === part) ?? []);
  const differs = found.findings.some((one) => one.subject === "surrogate" && one.name !== AGREEMENT);
  return el(
    "section",
    {},
    el("h2", {}, "Where surrogate and recommender differ"),
    el(
      "p.note",
      {},
      "How often the surrogate says, as the recommender does, whether an item is recommended. It was asked about two ",
      "items a user: one of the recommender’s best fifth, one of its worse half.",
    ),
    el(
      "ul.figures",
      {},
      ordered.map((row) => figure(found.parts[row.variant] ?? "all questions", row, found)),
    ),
    differs
      ? null
      : el(
          "p.absent",
          {},
          "No part stands out: on none does it differ more often by ten percentage points or more with the whole ",
          "interval.",
        ),
  );
}

/** @param {AuditFound} found */
function mostRecommended(found) {
  const line = (/** @type {AuditFound["most_recommended"][0]} */ item) =>
    el(
      "li",
      {},
      el("span.title", {}, item.title),
      el("b", {}, `${Math.round(100 * item.share)}% of lists`),
      el("small", {}, many(item.interactions, "interaction")),
    );
  return el("section", {}, el("h2", {}, "On the most lists"), el("ol.listed", {}, found.most_recommended.map(line)));
}

/** @param {AuditFound} found */
function leftOut(found) {
  const line = (/** @type {AuditFound["left_out"][0]} */ { what, why }) =>
    el("li", {}, el("b", {}, `${what.charAt(0).toUpperCase()}${what.slice(1)}.`), ` ${why}`);
  return el(
    "section",
    {},
    el("h2", {}, "What was left out"),
    found.left_out.length
      ? el("ul.left-out", {}, found.left_out.map(line))
      : el("p.absent", {}, "Nothing: all that an audit measures was measured."),
  );
}

/** @param {AuditFound} found */
function meanings({ metrics }) {
  const lines = Object.values(metrics).map(({ title, meaning }) =>
    el("div", {}, el("dt", {}, title), el("dd", {}, meaning)),
  );
  return el("details.meanings", {}, el("summary", {}, "What the figures mean"), el("dl", {}, lines));
}
