/**
 * The draft of the main parameters: two paragraphs that a person has to check before anybody publishes them.
 * @module
 */

import { copyButton } from "./copying.js";
import { el } from "./dom.js";

/** @param {{note: string, parameters: string, method: string}} draft */
export function parameters({ note, parameters: first, method }) {
  const field = el("textarea", { rows: 8, "aria-label": "The draft" });
  const text = () => [note, first, method].join("\n\n");
  return el(
    "section.parameters",
    {},
    el("h2", {}, "Main parameters"),
    el(
      "p.note",
      {},
      "Two paragraphs that a platform could publish (Digital Services Act, Article 27). They hold only what was found.",
    ),
    el("p.draft", {}, note),
    el("blockquote", {}, el("p", {}, first), el("p", {}, method)),
    el("p.row", {}, copyButton("Copy the draft", field, text, "Draft")),
    field,
  );
}
