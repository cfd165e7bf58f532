/**
 * The page: which view is shown, by the address.
 * @module
 */

import { get, path, setUp } from "./api.js";
import { Audit, TITLE } from "./audit.js";
import { Comparison } from "./comparison.js";
import { el } from "./dom.js";
import { askForKey } from "./key.js";
import { Latest } from "./latest.js";
import { follow } from "./links.js";
import { say } from "./live.js";
import { exportButton, shareButton } from "./sharing.js";
import { Start, userSearch } from "./start.js";
import { Store } from "./state.js";
import { Subject } from "./subject.js";
import { many } from "./words.js";

const FIRST_USERS = 12;

const main = part("main");
const store = new Store(show);
const open = (/** @type {string} */ user) => store.open(user);
const openAudit = () => store.audit();
const start = new Start(open, openAudit);
const subject = new Subject(store);
const comparison = new Comparison({
  back: () => store.update({ compare: "" }),
  open: (user, item) =>
    store.update({ user, item, compare: "", view: "why", other: "", text: "", without: [], add: [] }),
});
const audit = new Audit();
const asked = { about: new Latest(start.place), compare: new Latest(comparison.place) };
const waiting = el("p.waiting", { hidden: true, "aria-hidden": "true" });
let compared = {};
let view = "";

setUp({ askForKey, waits });
start.place.append(asked.about.trouble);
comparison.place.append(asked.compare.trouble);
main.append(start.place, subject.place, comparison.place, audit.place, waiting);
part("bar-search").append(userSearch("Search a user", true, open));
part("deeds").append(...shareButton(), exportButton(shown));
part("skip").addEventListener("click", (/** @type {Event} */ event) => {
  event.preventDefault();
  main.focus();
});
part("home").addEventListener(
  "click",
  follow(() => store.open("")),
);
part("to-audit").addEventListener("click", follow(openAudit));
show(store.state);

/**
 * @param {string} why
 * @param {number} seconds
 */
function waits(why, seconds) {
  waiting.hidden = !seconds;
  if (!seconds) return;
  waiting.textContent = `${why}: asked again in ${many(seconds, "second")}.`;
  say(waiting.textContent);
}

/** @param {import("./state.js").State} state */
function show(state) {
  const audits = state.view === "audit";
  const next = audits ? "audit" : !state.user ? "start" : state.compare ? `${state.user} ${state.compare}` : state.user;
  start.place.hidden = next !== "start";
  audit.place.hidden = !audits;
  subject.place.hidden = !state.user || Boolean(state.compare);
  comparison.place.hidden = !state.user || !state.compare;
  document.body.classList.toggle("at-start", next === "start");
  document.body.classList.toggle("at-audit", audits);
  if (audits) part("to-audit").setAttribute("aria-current", "page");
  else part("to-audit").removeAttribute("aria-current");
  const title = audits ? TITLE : [state.user, state.compare].filter(Boolean).join(" and ");
  document.title = [title, "RecExplainer"].filter(Boolean).join(" · ");
  void asked.about.ask("about", begin, ({ model, users }) => {
    part("run-name").textContent = model.name;
    subject.writers = model.writers;
    start.show(users, model);
  });
  if (state.user && state.compare) {
    const question = { a: state.user, b: state.compare, k: 10 };
    void asked.compare.ask(
      question,
      (signal) => get("compare", question, signal),
      (found) => {
        compared = found;
        comparison.show(found);
      },
    );
  } else if (state.user) subject.show(state);
  if (audits) audit.show();
  else audit.leave();
  if (view && next !== view) moved();
  view = next;
}

/**
 * What is served, and the first users.
 * @param {AbortSignal} signal
 */
async function begin(signal) {
  const [{ models }, users] = await Promise.all([
    get("v1/models", {}, signal),
    get("users", { limit: FIRST_USERS }, signal),
  ]);
  return { model: await get(path("v1", "models", models[0]), {}, signal), users: users.users };
}

/** Another view: from its top, where a screen reader goes on reading. */
function moved() {
  scrollTo(0, 0);
  main.querySelector(":scope > section:not([hidden]) h1")?.focus({ preventScroll: true });
}

/** All that is shown, for a file. */
function shown() {
  const { user, item, compare, view: chosen } = store.state;
  const audits = chosen === "audit";
  const content = audits ? { audit: audit.found } : compare ? { compare: compared } : subject.shown;
  const name = ["recexplainer", audits ? "audit" : user, compare || item].filter(Boolean).join("-");
  return { name, content: { link: location.href, ...content } };
}

/** @param {string} id */
function part(id) {
  return document.getElementById(id) ?? el("div");
}
