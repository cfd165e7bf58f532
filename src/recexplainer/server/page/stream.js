/**
 * Server-sent events in the answer to a question, as they come (the browser's own EventSource cannot ask by POST).
 * @module
 */

/**
 * @param {Response} response
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* events(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    waiting += value ?? "";
    const parts = waiting.split(/\r\n\r\n|\n\n|\r\r/);
    waiting = done ? "" : (parts.pop() ?? "");
    for (const part of parts) {
      const event = parsed(part);
      if (event) yield event;
    }
    if (done) return;
  }
}

/** @param {string} part */
function parsed(part) {
  let event = "message";
  /** @type {string[]} */
  const data = [];
  for (const line of part.split(/\r\n|\n|\r/)) {
    const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
