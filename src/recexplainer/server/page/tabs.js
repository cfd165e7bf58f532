/**
 * Tabs, by the ARIA practices: arrows move between them, and what is moved to is shown.
 * @module
 */

import { el, ownId } from "./dom.js";

/**
 * @param {string} label
 * @param {{name: string, title: string, panel: HTMLElement}[]} pages
 * @param {(name: string) => void} choose
 */
export function tabs(label, pages, choose) {
  const stem = ownId("tab");
  const buttons = pages.map(({ name, title, panel }) => {
    panel.id = `${stem}-${name}-panel`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${stem}-${name}`);
    const id = `${stem}-${name}`;
    return el(
      "button",
      { type: "button", role: "tab", id, "aria-controls": panel.id, click: () => choose(name) },
      title,
    );
  });
  const bar = el("div.tabs", { role: "tablist", "aria-label": label, keydown }, buttons);

  /** @param {KeyboardEvent} event */
  function keydown(event) {
    const at = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at ? at - 1 : last, Home: 0, End: last }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[to].focus();
    choose(pages[to].name);
  }

  /** @param {string} name */
  function show(name) {
    pages.forEach((page, number) => {
      const chosen = page.name === name;
      page.panel.hidden = !chosen;
      buttons[number].setAttribute("aria-selected", String(chosen));
      buttons[number].tabIndex = chosen ? 0 : -1;
    });
  }

  return { bar, show };
}
