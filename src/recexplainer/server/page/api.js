/**
 * Questions to the server. It waits where the server is busy, and asks for the key where one is needed.
 * @module
 */

/**
 * @typedef {{id: string, title: string}} Item
 * @typedef {{low: number, high: number, value: number, direction: string, ways: Record<string, number>}} Effect
 * @typedef {{rank: number, score: number}} Standing
 * @typedef {{phrase?: string, no_reason?: string | null}} Reasoned
 * @typedef {{rank_before?: number | null, rank_after?: number | null}} Moved
 * @typedef {Item & Standing & Reasoned & Moved} Ranked
 * @typedef {{start: number, end: number}} Stretch
 * @typedef {Stretch & {status: string, said: string, found: string, item: Item | null}} Claim
 * @typedef {{id: string, history_length: number}} User
 * @typedef {{user: string} | {history: string[]}} Asked
 */

/**
 * How often is asked in all where the server is busy, and where its run is being opened.
 * @type {Record<number, number>}
 */
const ATTEMPTS = { 429: 4, 503: 60 };
const KEY = "recexplainer-key";

/** An answer that is an error: what is wrong, where, and what to do. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 where there was no answer.
   * @param {{message?: string, location?: string, hint?: string}} said
   */
  constructor(status, said) {
    super(said.message || "The server gave no answer that can be read.");
    this.status = status;
    this.location = said.location ?? "";
    this.hint = said.hint ?? "";
  }
}

/** @type {() => Promise<string>} */
let askForKey = () => Promise.reject(new ApiError(401, { message: "This server needs a key." }));

/** Is told why and for how long is waited; 0: no more. @type {(why: string, seconds: number) => void} */
let waits = () => {};

/**
 * @param {{askForKey: () => Promise<string>, waits: (why: string, seconds: number) => void}} how
 */
export function setUp(how) {
  askForKey = how.askForKey;
  waits = how.waits;
}

/**
 * @param {string} path Relative to the page.
 * @param {Record<string, string | number>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, query = {}, signal = undefined) {
  const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const response = await answer(asked.size ? `${path}?${asked}` : path, { signal });
  return body(response);
}

/**
 * What the server makes when it is first asked for it: asked again until it is there, as often as the server says.
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {() => void} making Is told as long as it is being made.
 * @returns {Promise<any>}
 */
export async function getMade(path, signal, making) {
  for (;;) {
    const response = await answer(path, { signal });
    if (response.status !== 202) return body(response);
    making();
    await pause(Number(response.headers.get("retry-after")) || 1, signal);
  }
}

/**
 * @param {string} path
 * @param {object} question
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function post(path, question, signal = undefined) {
  return body(await send(path, question, signal, "application/json"));
}

/**
 * @param {string} path
 * @param {object} question
 * @param {AbortSignal | undefined} signal
 * @param {string} accept
 */
export function send(path, question, signal, accept) {
  const headers = { "content-type": "application/json", accept };
  return answer(path, { method: "POST", headers, body: JSON.stringify(question), signal });
}

/**
 * A path of one id, which may hold any character.
 * @param {...string} parts
 */
export function path(...parts) {
  return parts.map(encodeURIComponent).join("/");
}

/**
 * @param {string} where
 * @param {RequestInit} request
 * @returns {Promise<Response>}
 */
async function answer(where, request) {
  for (let attempt = 1; ; attempt += 1) {
    const key = sessionStorage.getItem(KEY) ?? "";
    const response = await once(where, request, key);
    if (response.ok) {
      waits("", 0);
      return response;
    }
    if (response.status === 401) {
      // Where another question was given the key meanwhile, this one need not ask for it.
      if (key === (sessionStorage.getItem(KEY) ?? "")) sessionStorage.setItem(KEY, await askForKey());
    } else if (attempt >= (ATTEMPTS[response.status] ?? 1)) {
      throw new ApiError(response.status, await said(response));
    } else {
      const seconds = Number(response.headers.get("retry-after")) || attempt;
      waits(response.status === 503 ? "The run is being opened" : "The server is busy", seconds);
      await pause(seconds, request.signal);
    }
  }
}

/**
 * @param {string} where
 * @param {RequestInit} request
 * @param {string} key
 */
async function once(where, request, key) {
  const headers = new Headers(request.headers);
  if (key) headers.set("authorization", `Bearer ${key}`);
  try {
    return await fetch(where, { ...request, headers });
  } catch (error) {
    if (aborted(error)) throw error;
    const hint = "Is it still running? Start it again with recexplainer serve, then try once more.";
    throw new ApiError(0, { message: "The server does not answer.", hint });
  }
}

/** @param {unknown} error */
export function aborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** @param {Response} response */
async function body(response) {
  try {
    return await response.json();
  } catch (error) {
    if (aborted(error)) throw error;
    throw new ApiError(response.status, {});
  }
}

/** @param {Response} response */
async function said(response) {
  try {
    return (await response.json()).error ?? {};
  } catch {
    return { message: `The server answers with status ${response.status}.` };
  }
}

/**
 * @param {number} seconds
 * @param {AbortSignal | null | undefined} signal
 */
function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
