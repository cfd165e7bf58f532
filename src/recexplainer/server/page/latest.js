/**
 * Of several questions for one place of the page only the latest counts: those before it are called off.
 * @module
 */

import { aborted } from "./api.js";
import { el, fill } from "./dom.js";
import { say } from "./live.js";

const SLOW = 250; // milliseconds until it is said that an answer takes its time

export class Latest {
  #key = "";
  /** @type {AbortController | null} */
  #running = null;

  /** @param {HTMLElement} place Is marked as busy while a question is open, and shows what went wrong. */
  constructor(place) {
    this.place = place;
    this.trouble = el("div.trouble", { hidden: true });
  }

  /**
   * Ask, unless the same was asked last; then show.
   * @template T
   * @param {unknown} question What decides the answer.
   * @param {(signal: AbortSignal) => Promise<T>} ask
   * @param {(answer: T) => void} show
   * @returns {Promise<void>}
   */
  async ask(question, ask, show) {
    const key = JSON.stringify(question);
    if (key === this.#key) return;
    this.#running?.abort();
    this.#key = key;
    const own = (this.#running = new AbortController());
    const slow = setTimeout(() => this.place.classList.add("is-slow"), SLOW);
    this.place.setAttribute("aria-busy", "true");
    this.#troubled(null);
    try {
      const answer = await ask(own.signal);
      if (own === this.#running) show(answer);
    } catch (error) {
      if (own !== this.#running || aborted(error)) return;
      this.#key = "";
      this.#troubled(error, () => this.ask(question, ask, show));
    } finally {
      clearTimeout(slow);
      if (own === this.#running) {
        this.#running = null;
        this.place.removeAttribute("aria-busy");
        this.place.classList.remove("is-slow");
      }
    }
  }

  /** Call off what is open, and forget what was asked. */
  forget() {
    this.#running?.abort();
    this.#running = null;
    this.#key = "";
    this.place.removeAttribute("aria-busy");
    this.place.classList.remove("is-slow");
    this.#troubled(null);
  }

  /**
   * @param {any} error
   * @param {() => void} [again]
   */
  #troubled(error, again) {
    this.trouble.hidden = !error;
    if (!error) return fill(this.trouble);
    fill(
      this.trouble,
      el("p", {}, el("b", {}, error.message), error.location && ` (${error.location})`),
      error.hint && el("p", {}, error.hint),
      el("button.quiet", { type: "button", click: again }, "Try again"),
    );
    say(`${error.message} ${error.hint ?? ""}`);
  }
}
