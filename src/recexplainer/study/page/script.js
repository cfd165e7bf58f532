"use strict";

// The packet is in the page; ratings are kept in this browser under the packet's name, and saved to files.
const { packet, entries } = JSON.parse(document.getElementById("packet").textContent);
const ids = new Set(entries.map((entry) => entry.id));
const store = `recexplainer-study-${packet}`;
const part = (id) => document.getElementById(id);
const radios = [...document.querySelectorAll("input[name=rating]")];
const state = { rater: "", at: 0, ratings: {} };

function rated(entry) {
  return state.ratings[entry.id]?.rating != null;
}

function say(text) {
  part("message").textContent = text;
  part("message").hidden = text === "";
}

function keep() {
  try {
    localStorage.setItem(store, JSON.stringify(state));
  } catch {
    say("This browser keeps nothing for this page: save your ratings to a file before you close it.");
  }
}

function recall() {
  try {
    Object.assign(state, JSON.parse(localStorage.getItem(store) ?? "{}"));
  } catch {
    say("What this browser kept cannot be read: load your saved file, if you have one.");
  }
  state.at = Math.min(Math.max(0, state.at), entries.length - 1);
}

function show() {
  const entry = entries[state.at];
  const given = state.ratings[entry.id] ?? { rating: null, comment: "" };
  part("place").textContent = `Explanation ${state.at + 1} of ${entries.length}`;
  part("item").textContent = entry.item;
  part("label").textContent = entry.label === "Yes" ? "yes, recommended" : "no, not recommended";
  part("history").replaceChildren(
    ...entry.history.map((title) => {
      const line = document.createElement("li");
      const text = document.createElement("span");
      text.textContent = title;
      line.append(text);
      return line;
    }),
  );
  part("history").scrollTop = 0;
  part("explanation").textContent = entry.explanation || "There is no text.";
  radios.forEach((radio) => { radio.checked = given.rating === Number(radio.value); });
  part("comment").value = given.comment;
  part("rater").value = state.rater;
  part("back").disabled = state.at === 0;
  part("on").disabled = state.at === entries.length - 1;
  progress();
}

function progress() {
  const done = entries.filter(rated).length;
  part("progress").value = done;
  part("progress-text").textContent = `${done} of ${entries.length} rated`;
  part("unrated").disabled = entries.every((entry, at) => at === state.at || rated(entry));
}

function note(change) {
  const { id } = entries[state.at];
  state.ratings[id] = { rating: null, comment: "", ...state.ratings[id], ...change };
  keep();
}

function rate(level) {
  note({ rating: level });
  radios[level].checked = true;
  progress();
  say(entries.every(rated) ? "All are rated. Save your ratings at the end of the page, and send the file back." : "");
}

function move(to) {
  if (to < 0 || to >= entries.length) return;
  state.at = to;
  keep();
  show();
  part("how").open = false;
  part("place").focus({ preventScroll: true });
  document.querySelector(".entry").scrollIntoView({ block: "nearest" });
  if (document.querySelector(".entry").getBoundingClientRect().top < 60) window.scrollTo({ top: 0 });
}

function toUnrated() {
  const after = [...entries.keys()].map((step) => (state.at + 1 + step) % entries.length);
  const next = after.find((at) => at !== state.at && !rated(entries[at]));
  if (next !== undefined) move(next);
}

// One line a rating, in the packet's order; what is not rated has null in JSON and nothing in CSV.
function lines() {
  return entries.map(({ id }) => ({ id, rating: null, comment: "", ...state.ratings[id] }));
}

function asJson() {
  return JSON.stringify({ packet, rater: state.rater, ratings: lines() }, null, 1) + "\n";
}

function asCsv() {
  const quoted = (cell) => `"${String(cell ?? "").replaceAll('"', '""')}"`;
  const rows = lines().map((line) => [line.id, line.rating, line.comment, state.rater, packet]);
  return "\ufeff" + [["id", "rating", "comment", "rater", "packet"], ...rows].map((row) => row.map(quoted).join(",") + "\r\n").join("");
}

function save(text, type, ending) {
  if (!state.rater.trim()) {
    say("Write your name first: it is how your ratings are told from those of others.");
    part("rater").focus();
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `ratings-${state.rater.trim().replace(/[^\p{L}\p{N}]+/gu, "-")}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(`Saved ${entries.filter(rated).length} ratings to ${link.download}.`);
}

// Why a loaded file cannot be taken, or "".
function fault(saved) {
  if (saved?.packet !== packet) return "This file is of another packet.";
  if (typeof saved.rater !== "string" || !Array.isArray(saved.ratings)) return "This file holds no ratings.";
  const wrong = saved.ratings.findIndex(
    (line) => !ids.has(line?.id) || ![null, 0, 1, 2, 3].includes(line.rating) || typeof line.comment !== "string",
  );
  return wrong < 0 ? "" : `Rating ${wrong + 1} of this file cannot be understood.`;
}

async function load(file) {
  let saved = null;
  try {
    saved = JSON.parse(await file.text());
  } catch {
    say(`${file.name} is no JSON file.`);
    return;
  }
  const why = fault(saved);
  if (why) {
    say(`${file.name}: ${why}`);
    return;
  }
  state.rater = saved.rater;
  for (const { id, rating, comment } of saved.ratings) {
    if (rating !== null || comment) state.ratings[id] = { rating, comment };
  }
  keep();
  show();
  say(`Loaded ${saved.ratings.filter((line) => line.rating !== null).length} ratings from ${file.name}.`);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text]")) return;
  const actions = { ArrowLeft: () => move(state.at - 1), ArrowRight: () => move(state.at + 1) };
  radios.forEach((_, level) => { actions[level] = () => rate(level); });
  if (!Object.hasOwn(actions, event.key)) return;
  event.preventDefault();
  actions[event.key]();
});
radios.forEach((radio) => radio.addEventListener("change", () => rate(Number(radio.value))));
part("comment").addEventListener("input", () => note({ comment: part("comment").value }));
part("rater").addEventListener("input", () => { state.rater = part("rater").value; keep(); });
part("back").addEventListener("click", () => move(state.at - 1));
part("on").addEventListener("click", () => move(state.at + 1));
part("unrated").addEventListener("click", toUnrated);
part("save-json").addEventListener("click", () => save(asJson(), "application/json", "json"));
part("save-csv").addEventListener("click", () => save(asCsv(), "text/csv", "csv"));
part("load").addEventListener("change", async ({ target }) => {
  if (target.files.length) await load(target.files[0]);
  target.value = "";
});

recall();
show();
