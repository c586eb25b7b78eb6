import { byId, make } from './dom.js';

/** @typedef {import('./api.js').Served} Served */

const MAX_LINES = 50;
const NAMES = { d1: 'D1', kv: 'KV', authority: 'object', memory: 'memory', none: 'worker' };

const log = byId('log', HTMLOListElement);

/**
 * Writes down one answer: what was done, what answered, how long it took and what it cost.
 * @param {{ action: string, request: string, status: number, roundTripMs: number, served: Served | undefined }} entry
 */
export function logAnswer({ action, request, status, roundTripMs, served }) {
  const time = make('time', '', new Date().toLocaleTimeString());
  const statusText = make(
    'span',
    status >= 200 && status < 400 ? 'status' : 'status bad',
    status === 0 ? 'no answer' : String(status),
  );
  const line = make('div', 'line', make('span', 'action', action), statusText);
  const item = make('li', '', line);
  if (served !== undefined) {
    line.append(servedBadge(served));
    const cost = `${count(served.kvReads, 'KV read')} · ${count(served.kvWrites, 'KV write')} · ${served.durationMs} ms`;
    const steps = served.steps.map((step) => make('li', '', describe(step)));
    steps.push(make('li', '', `there and back: ${Math.round(roundTripMs)} ms`));
    const summary = make('summary', '', time, ' · ', request);
    item.append(make('p', 'cost', cost), make('details', '', summary, make('ol', 'steps', ...steps)));
  } else {
    item.append(make('p', 'cost', time, ' · ', request));
  }
  log.prepend(item);
  while (log.children.length > MAX_LINES) log.lastElementChild?.remove();
}

/** Empties the log. */
export function clearLog() {
  log.replaceChildren();
}

/**
 * Says where an answer came from, in two words.
 * @param {Served} served
 */
export function servedBadge(served) {
  return make('span', `badge ${served.from}`, `from ${NAMES[served.from]}`);
}

/** @param {import('./api.js').Step} step */
function describe({ client, op, outcome, source, durationMs }) {
  const where = source === 'none' || source === client ? '' : ` (${source})`;
  return `${client}: ${op} → ${outcome}${where}, ${durationMs} ms`;
}

/**
 * @param {number} number
 * @param {string} noun
 */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
