/**
 * A search field whose hits appear below it (the editable combobox with a listbox of the ARIA practices).
 * @module
 */

import { aborted } from "./api.js";
import { el, fill, ownId } from "./dom.js";
import { say } from "./live.js";
import { many } from "./words.js";

const PAUSE = 130; // milliseconds after the last key

/**
 * @template T
 * @typedef {object} Choice
 * @property {string} label Of the field.
 * @property {string} placeholder
 * @property {boolean} [quiet] Whether the label is for screen readers only.
 * @property {string} noun What is found: "user".
 * @property {(text: string, signal: AbortSignal) => Promise<T[]>} find
 * @property {(hit: T) => {title: string, note?: string}} words
 * @property {(hit: T) => void} chosen
 */

/**
 * @template T
 * @param {Choice<T>} choice
 * @returns {HTMLElement}
 */
export function combobox(choice) {
  const name = ownId("search");
  /** @type {HTMLElement} */
  const list = el("ul", { role: "listbox", id: `${name}-hits`, "aria-label": `${choice.label}: found` });
  const nothing = el("p.nothing", { hidden: true });
  const box = el("div.hits", { hidden: true }, list, nothing);
  /** @type {HTMLInputElement} */
  const input = el("input", {
    id: name,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    placeholder: choice.placeholder,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
  });
  /** @type {T[]} */
  let hits = [];
  let at = -1;
  let timer = 0;
  /** @type {AbortController | null} */
  let running = null;

  const close = () => {
    clearTimeout(timer);
    running?.abort();
    box.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const choose = (/** @type {number} */ place) => {
    const hit = hits[place];
    if (!hit) return;
    close();
    input.value = "";
    choice.chosen(hit);
  };

  const move = (/** @type {number} */ place) => {
    at = (place + hits.length) % hits.length;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  };

  const show = (/** @type {T[]} */ found) => {
    hits = found;
    at = -1;
    input.removeAttribute("aria-activedescendant");
    fill(
      list,
      found.map((hit, place) => option(choice.words(hit), `${name}-${place}`, () => choose(place))),
    );
    list.hidden = !found.length;
    nothing.hidden = found.length > 0;
    nothing.textContent = `No ${choice.noun} fits.`;
    box.hidden = false;
    input.setAttribute("aria-expanded", String(found.length > 0));
    say(found.length ? `${many(found.length, choice.noun)} found.` : nothing.textContent);
  };

  const find = async () => {
    running?.abort();
    const own = (running = new AbortController());
    try {
      const found = await choice.find(input.value.trim(), own.signal);
      if (own === running && document.activeElement === input) show(found);
    } catch (error) {
      if (aborted(error)) return;
      hits = [];
      list.hidden = true;
      nothing.hidden = box.hidden = false;
      nothing.textContent = error instanceof Error ? error.message : String(error);
      say(nothing.textContent);
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE);
  });
  input.addEventListener("click", () => void (box.hidden && find()));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !box.hidden && hits.length > 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) move(event.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1);
      else void find();
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      choose(Math.max(0, at));
    } else if (event.key === "Escape" && !box.hidden) {
      event.preventDefault();
      close();
    }
  });
  const label = el(choice.quiet ? "label.unseen" : "label", { for: name }, choice.label);
  return el("div.search", {}, label, el("div.field", {}, input, box));
}

/**
 * @param {{title: string, note?: string}} words
 * @param {string} id
 * @param {() => void} chosen
 */
function option(words, id, chosen) {
  const held = (/** @type {Event} */ event) => event.preventDefault(); // the field keeps the focus
  const note = words.note && el("small", {}, words.note);
  return el("li", { id, role: "option", "aria-selected": "false", mousedown: held, click: chosen }, words.title, note);
}
