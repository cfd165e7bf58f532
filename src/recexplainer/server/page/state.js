/**
 * What is shown, kept in the address: a link shows another person the same. A text that somebody pasted stands behind
 * the `#`, so that a browser never sends it as part of an address.
 * @module
 */

/**
 * @typedef {object} State
 * @property {string} user The user's own id, or "".
 * @property {string} item The item asked about; "" is the first of the list.
 * @property {View} view
 * @property {string} other The item that is asked about in its place: "why not …".
 * @property {string[]} without Items of the history that are switched off.
 * @property {string[]} add Items that are added to it, in this order.
 * @property {string} compare Another user.
 * @property {string} writer Who writes; "" is the server's choice.
 * @property {string} text A text to be checked.
 */

/** @typedef {"why" | "whynot" | "check" | "audit"} View Of a user the first three; `audit` is of no user. */

/** @type {readonly View[]} */
export const VIEWS = ["why", "whynot", "check", "audit"];

/** @type {State} */
const NOTHING = { user: "", item: "", view: "why", other: "", without: [], add: [], compare: "", writer: "", text: "" };

/**
 * @param {URL} address
 * @returns {State}
 */
export function read(address) {
  const query = address.searchParams;
  const view = VIEWS.find((each) => each === query.get("view")) ?? "why";
  const one = (/** @type {string} */ name) => query.get(name) ?? "";
  if (view === "audit") return { ...NOTHING, view, writer: one("writer") };
  return {
    user: one("user"),
    item: one("item"),
    view,
    other: one("other"),
    without: [...new Set(query.getAll("without"))],
    add: [...new Set(query.getAll("add"))],
    compare: one("compare"),
    writer: one("writer"),
    text: new URLSearchParams(address.hash.slice(1)).get("text") ?? "",
  };
}

/**
 * The address of a state, relative to the page.
 * @param {State} state
 */
export function write(state) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (name === "text" || (name === "view" && value === "why")) continue;
    for (const each of [value].flat()) if (each) query.append(name, each);
  }
  const asked = query.size ? `?${query}` : "./";
  return state.text ? `${asked}#${new URLSearchParams({ text: state.text })}` : asked;
}

/** The state of the page, and who wants to know when it changes. */
export class Store {
  /** @param {(state: State) => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {State} */
    this.state = read(new URL(location.href));
    addEventListener("popstate", () => this.#set(read(new URL(location.href))));
  }

  /**
   * Change some of it, as a step that "back" undoes.
   * @param {Partial<State>} changes
   */
  update(changes) {
    const next = { ...this.state, ...changes };
    if (write(next) !== write(this.state)) history.pushState(null, "", write(next));
    this.#set(next);
  }

  /**
   * Another user: all else is forgotten, the writer aside.
   * @param {string} user
   */
  open(user) {
    this.update({ ...NOTHING, writer: this.state.writer, user });
  }

  /** The audit, which is of no user. */
  audit() {
    this.update({ ...NOTHING, writer: this.state.writer, view: "audit" });
  }

  /** @param {State} next */
  #set(next) {
    this.state = next;
    this.changed(next);
  }
}
