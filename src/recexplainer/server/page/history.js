/**
 * The history: what each item does to the item asked about, a switch for each, and a field to add one.
 * @module
 */

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { bar, ends, inWords, known } from "./effects.js";
import { say } from "./live.js";
import { count, many } from "./words.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./api.js").Effect} Effect */
/** @typedef {import("./state.js").State} State */

const SHOWN = 24; // the newest; older ones by a button
const NARROW = "(max-width: 46rem)";

export class History {
  #all = false;
  /** @type {Item[]} */
  #items = [];
  /** @type {Map<string, string>} Titles of what was added. */
  #added = new Map();
  /** @type {Map<string, Effect | null>} */
  #effects = new Map();

  /**
   * @param {() => State} state
   * @param {(changes: {without?: string[], add?: string[]}) => void} edit
   */
  constructor(state, edit) {
    this.state = state;
    this.edit = edit;
    this.about = el("p.note");
    this.list = el("ol.history-list", { "aria-label": "History, oldest first" });
    this.summary = el("span.count");
    this.undo = el("button.quiet", { type: "button", hidden: true, click: () => this.#undo() }, "Undo all changes");
    this.add = combobox({
      label: "Add an item",
      placeholder: "Search a title",
      noun: "item",
      find: async (q, signal) => (await get("items", { q, limit: 12 }, signal)).items,
      words: (/** @type {Item} */ item) => ({ title: item.title }),
      chosen: (item) => this.#add(item),
    });
    this.place = el(
      "details.pane.history",
      { open: !matchMedia(NARROW).matches },
      el("summary", {}, el("h2", {}, "History"), this.summary),
      this.about,
      this.list,
      this.add,
      this.undo,
    );
  }

  /**
   * The history as the data have it.
   * @param {Item[]} items
   */
  show(items) {
    this.#items = items;
    this.#effects = new Map();
    this.#all = false;
    this.draw();
  }

  /**
   * What each item does to the item asked about.
   * @param {Item} item
   * @param {(Item & {effect: Effect | null})[]} reasons
   */
  explain(item, reasons) {
    this.#effects = new Map(reasons.map((reason) => [reason.id, reason.effect]));
    for (const { id, title } of reasons) this.#added.set(id, title);
    const effects = reasons.map((reason) => reason.effect);
    const unknown = "The recommender cannot answer for a changed history, so what each item does is not known.";
    if (effects.some(Boolean)) fill(this.about, "What each adds to the score of ", el("b", {}, item.title));
    else fill(this.about, unknown);
    this.draw();
  }

  /** The items that are switched off; a link may name others, which this history does not have. */
  off() {
    const { without } = this.state();
    return this.#items.map((item) => item.id).filter((id) => without.includes(id));
  }

  /** The history that is asked about: without what is switched off; what was added is newest. */
  edited() {
    const { without, add } = this.state();
    return [...this.#items.map((item) => item.id).filter((id) => !without.includes(id)), ...add];
  }

  draw() {
    const { add } = this.state();
    const added = add.map((id) => ({ id, title: this.#added.get(id) ?? id }));
    const older = this.#all ? 0 : Math.max(0, this.#items.length - SHOWN);
    const focused = this.list.contains(document.activeElement)
      ? /** @type {any} */ (document.activeElement).dataset.id
      : null;
    const more = el(
      "button.quiet",
      { type: "button", click: () => this.#showAll() },
      `Show ${many(older, "older item")}`,
    );
    fill(
      this.list,
      older > 0 && el("li.older", {}, more),
      this.#items.slice(older).map((item) => this.#line(item, false)),
      added.map((item) => this.#line(item, true)),
    );
    if (focused) this.list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    const off = this.off().length;
    const changes = [off && `${count(off)} off`, added.length && `${count(added.length)} added`].filter(Boolean);
    this.summary.textContent = [many(this.#items.length, "item"), ...changes].join(", ");
    this.undo.hidden = !changes.length;
  }

  /**
   * @param {Item} item
   * @param {boolean} added
   */
  #line(item, added) {
    const off = !added && this.state().without.includes(item.id);
    const effect = off ? null : this.#effects.get(item.id);
    const turn = () => (added ? this.#remove(item.id) : this.#turn(item.id));
    const control = el("input.switch", { type: "checkbox", role: "switch", "data-id": item.id, change: turn });
    control.checked = !off;
    const from = ends([...this.#effects.values()]);
    return el(
      `li.line.${off ? "off" : effect ? known(effect.direction) : "unknown"}`,
      {},
      el("label", {}, control, el("span.title", {}, item.title), added && el("i", {}, "added")),
      effect && el("div.does", {}, bar(effect, from), inWords(effect)),
    );
  }

  /** @param {string} id */
  #turn(id) {
    const { without } = this.state();
    const rest = without.filter((each) => each !== id);
    const next = rest.length === without.length ? [...without, id] : rest;
    const { length } = this.edited();
    if (length === 1 && next.length > without.length) {
      say("One item must stay in the history.");
      return this.draw();
    }
    this.edit({ without: next });
  }

  /** @param {string} id */
  #remove(id) {
    this.add.querySelector("input")?.focus();
    this.edit({ add: this.state().add.filter((each) => each !== id) });
  }

  /** @param {Item} item */
  #add(item) {
    const { add, without } = this.state();
    this.#added.set(item.id, item.title);
    if (this.edited().includes(item.id)) say(`${item.title} is in the history already.`);
    else if (without.includes(item.id)) this.#turn(item.id);
    else this.edit({ add: [...add, item.id] });
  }

  #undo() {
    this.list.querySelector("input")?.focus();
    this.edit({ without: [], add: [] });
  }

  #showAll() {
    this.#all = true;
    this.draw();
    this.list.querySelector("input")?.focus();
  }
}
