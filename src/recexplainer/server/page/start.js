/**
 * The first view: what this is, and whom to ask about.
 * @module
 */

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { follow } from "./links.js";
import { many } from "./words.js";

/** @typedef {import("./api.js").User} User */

/**
 * @param {string} label
 * @param {boolean} quiet
 * @param {(user: string) => void} open
 */
export function userSearch(label, quiet, open) {
  return combobox({
    label,
    quiet,
    placeholder: "Id of a user, or a title they had",
    noun: "user",
    find: async (q, signal) => (await get("users", { q, limit: 12 }, signal)).users,
    words: (/** @type {User} */ user) => ({ title: user.id, note: many(user.history_length, "item") }),
    chosen: (user) => open(user.id),
  });
}

export class Start {
  /**
   * @param {(user: string) => void} open
   * @param {() => void} audit
   */
  constructor(open, audit) {
    this.open = open;
    this.size = el("p.size");
    this.users = el("ul.users");
    this.place = el(
      "section.start",
      { hidden: true },
      el("h1", { tabindex: "-1" }, "Why does it recommend that?"),
      el(
        "p.lead",
        {},
        "Choose a user: what each item of the history does, what is recommended, and why. ",
        "Each sentence is checked against the recommender itself.",
      ),
      userSearch("Search a user", false, open),
      el("h2", {}, "Or one of these"),
      this.users,
      el("h2", {}, "Or all of them"),
      el(
        "a.whole",
        { href: "?view=audit", click: follow(audit) },
        el("b", {}, "The recommender as a whole"),
        el("span", {}, "An audit: what decides its lists, how far, and for whom"),
      ),
      this.size,
    );
  }

  /**
   * @param {User[]} users
   * @param {{name: string, users: number, items: number, interactions: number}} model What is served.
   */
  show(users, model) {
    const one = (/** @type {User} */ user) =>
      el(
        "li",
        {},
        el(
          "a",
          {
            href: `?${new URLSearchParams({ user: user.id })}`,
            click: follow(() => this.open(user.id)),
          },
          el("b", {}, user.id),
          el("span", {}, many(user.history_length, "item")),
        ),
      );
    fill(this.users, users.map(one));
    const sizes = [many(model.users, "user"), many(model.items, "item"), many(model.interactions, "interaction")];
    this.size.textContent = `${model.name}: ${sizes.join(", ")}.`;
  }
}
