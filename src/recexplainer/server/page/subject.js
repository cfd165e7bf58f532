/**
 * One user: history, recommendations and the explanation of one item, side by side.
 * @module
 */

import { get, path, post } from "./api.js";
import { CheckPanel } from "./checking.js";
import { ContrastPanel } from "./contrast.js";
import { el, fill } from "./dom.js";
import { ExplanationPanel, slowly } from "./explanation.js";
import { History } from "./history.js";
import { Latest } from "./latest.js";
import { Ranking } from "./ranking.js";
import { userSearch } from "./start.js";
import { tabs } from "./tabs.js";
import { count, plain } from "./words.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./api.js").Ranked} Ranked */

const SHOWN = 10;
const IMMEDIATE = "realised"; // the wording of the evidence: nothing to wait for

export class Subject {
  /** What is shown, to be exported. @type {Record<string, any>} */
  shown = {};
  #item = "";

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.history = new History(
      () => store.state,
      (changes) => this.#edit(changes),
    );
    this.ranking = new Ranking((item) => this.#choose(item));
    this.why = new ExplanationPanel((writer) => store.update({ writer }));
    this.whyNot = new ContrastPanel((other) => store.update({ other }));
    this.check = new CheckPanel((text) => store.update({ text }));
    const pages = [
      { name: "why", title: "Why", panel: this.why.place },
      { name: "whynot", title: "Why not …", panel: this.whyNot.place },
      { name: "check", title: "Check a text", panel: this.check.place },
    ];
    this.tabs = tabs("About this item", pages, (view) => store.update({ view: /** @type {any} */ (view) }));
    this.name = el("h1", { tabindex: "-1" });
    this.standing = el("p.standing");
    this.title = el("h2", { tabindex: "-1" });
    const compare = userSearch("Compare with", false, (user) => store.update({ compare: user }));
    const detail = el(
      "section.pane.detail",
      { "aria-label": "Explanation" },
      this.standing,
      this.title,
      this.tabs.bar,
      pages.map((each) => each.panel),
    );
    this.found = el("div");
    this.panes = el("div.panes", { hidden: true }, this.history.place, this.ranking.place, detail);
    this.place = el(
      "section.subject",
      { hidden: true },
      el("header", {}, el("div", {}, el("p.kicker", {}, "User"), this.name), compare),
      this.found,
      this.panes,
    );
    this.detail = detail;
    this.asked = {
      user: new Latest(this.found),
      list: new Latest(this.ranking.place),
      phrases: new Latest(this.ranking.reasons),
      why: new Latest(this.why.place),
      whyNot: new Latest(this.whyNot.place),
      check: new Latest(this.check.place),
    };
    for (const each of Object.values(this.asked)) each.place.append(each.trouble);
  }

  /** @param {State} state */
  show(state) {
    this.tabs.show(state.view);
    if (this.name.textContent !== state.user) this.#forget(state.user);
    const ask = (/** @type {AbortSignal} */ signal) => get(path("users", state.user), {}, signal);
    void this.asked.user.ask(state.user, ask, (user) => {
      this.shown.user = user;
      this.panes.hidden = false;
      this.history.show(user.history);
      this.#list();
    });
    if (this.shown.user) {
      this.history.draw();
      this.#list();
    }
  }

  /** @param {string} user */
  #forget(user) {
    for (const each of Object.values(this.asked)) each.forget();
    this.shown = {};
    this.#item = "";
    this.panes.hidden = true;
    this.name.textContent = user;
    fill(this.ranking.list);
    fill(this.why.body);
  }

  get #changed() {
    return this.history.off().length > 0 || this.store.state.add.length > 0;
  }

  /**
   * A change of the history: what is asked about stays, unless it is in the history now.
   * @param {{without?: string[], add?: string[]}} changes
   */
  #edit(changes) {
    const item = changes.add?.includes(this.#item) ? "" : this.#item;
    this.store.update({ item, ...changes });
  }

  /** Who is asked about: the user as in the data, or the changed history. */
  get #who() {
    return this.#changed ? { history: this.history.edited() } : { user: this.store.state.user };
  }

  /** The list, then the item of the list that is asked about. */
  #list() {
    const { user, add } = this.store.state;
    const without = this.history.off();
    const changed = this.#changed;
    const ask = (/** @type {AbortSignal} */ signal) =>
      changed
        ? post("what-if", { user, without, add, k: SHOWN }, signal)
        : get(`${path("users", user)}/recommendations`, { k: SHOWN }, signal);
    const show = (/** @type {any} */ found) => {
      const items = changed ? found.after : found.recommendations;
      this.shown.recommendations = items;
      this.shown.changes = changed ? { without, add } : undefined;
      this.ranking.show(items, changed ? found.before : null, this.#chosen());
      if (changed) this.#phrases();
      this.#explain();
    };
    void this.asked.list.ask([user, without, add], ask, show);
    if (this.shown.recommendations) this.#explain();
  }

  /** The reasons of a changed list come after it, so that it moves without waiting for them. */
  #phrases() {
    const question = { history: this.history.edited(), k: SHOWN };
    void this.asked.phrases.ask(
      question,
      (signal) => post("recommendations", question, signal),
      (found) => {
        this.shown.recommendations = this.shown.recommendations.map((/** @type {Ranked} */ item) => {
          const { phrase, no_reason } =
            found.recommendations.find((/** @type {Ranked} */ one) => one.id === item.id) ?? {};
          return { ...item, phrase, no_reason };
        });
        this.ranking.explain(this.shown.recommendations);
      },
    );
  }

  /** The item asked about: the one chosen, else the first of the list. */
  #chosen() {
    return this.store.state.item || this.shown.recommendations?.[0]?.id || "";
  }

  #explain() {
    const item = this.#chosen();
    const { writer } = this.store.state;
    if (!item) return;
    this.ranking.mark(item);
    const who = this.#who;
    const question = { ...who, item, ...(writer ? { writer } : {}) };
    void this.asked.why.ask(
      question,
      (signal) =>
        [undefined, IMMEDIATE].includes(writer || this.writers[0])
          ? post("explain", question, signal)
          : slowly(question, signal, (text) => this.why.hear(text)),
      (found) => {
        this.shown.explanation = found;
        this.#stand(found);
        this.check.explanation = found.text;
        this.history.explain(found.item, found.reasons);
        this.why.show(found);
        this.why.offer(this.writers, writer || this.writers[0]);
        this.#others();
      },
    );
    if (this.#item === item) this.#others();
  }

  /** Who can write. @type {string[]} */
  writers = [];

  /** @param {any} found */
  #stand(found) {
    const { item, recommended } = found;
    this.#item = item.id;
    this.title.textContent = item.title;
    fill(
      this.standing,
      el(`b.${recommended ? "yes" : "no"}`, {}, recommended ? "recommended" : "not recommended"),
      el("span", {}, `rank ${count(found.rank)} of ${count(found.n_ranked)}`),
      el("span", {}, `score ${plain(found.score)}`),
    );
  }

  /** What is asked besides: why not another item, and a text of one's own. */
  #others() {
    const { other, text, view } = this.store.state;
    const about = { ...this.#who, item: this.#item };
    if (!other) {
      this.asked.whyNot.forget();
      this.whyNot.clear();
      delete this.shown.contrast;
    } else if (view === "whynot") {
      const question = { ...about, other };
      void this.asked.whyNot.ask(
        question,
        (signal) => post("contrast", question, signal),
        (found) => {
          this.shown.contrast = found;
          this.whyNot.show(found);
        },
      );
    }
    this.check.about(this.title.textContent ?? "", text);
    if (!text) {
      this.asked.check.forget();
      delete this.shown.check;
    } else if (view === "check") {
      const question = { ...about, text };
      void this.asked.check.ask(
        question,
        (signal) => post("check", question, signal),
        (found) => {
          this.shown.check = { text, ...found };
          this.check.show(text, found);
        },
      );
    }
  }

  /** @param {string} item */
  #choose(item) {
    this.store.update({ item });
    const below = this.detail.getBoundingClientRect();
    if (below.top < innerHeight * 0.7 && below.top >= 0) return;
    this.detail.scrollIntoView({ block: "start" });
    this.title.focus({ preventScroll: true });
  }
}
