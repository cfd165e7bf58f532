/**
 * What a screen reader is told besides, politely: it waits until the reader pauses.
 * @module
 */

const PAUSE = 120; // milliseconds: what comes together is said together

/** @type {string[]} */
let waiting = [];

/** @param {string} text */
export function say(text) {
  if (!waiting.length) setTimeout(tell, PAUSE);
  if (!waiting.includes(text)) waiting.push(text);
}

function tell() {
  const place = document.getElementById("said");
  if (place) place.textContent = waiting.join(" ");
  waiting = [];
}
