import { byId, make } from './dom.js';

/** @typedef {import('./api.js').Limit} Limit */

const STORED = 'codex-attempts';

const pips = byId('pips', HTMLElement);
const left = byId('attempts-left', HTMLElement);
const reset = byId('attempts-reset', HTMLElement);
const unknownText = left.textContent ?? '';

/** @type {{ limit: Limit, skewMs: number } | null} */
let shown = null;

/** Shows what was known before the page was reloaded, and keeps the countdown going. */
export function startAttempts() {
  try {
    shown = JSON.parse(sessionStorage.getItem(STORED) ?? 'null');
  } catch {
    shown = null;
  }
  render();
  setInterval(render, 1000);
}

/**
 * Shows the limiter's verdict.
 * @param {Limit} limit
 * @param {number} serverNow Unix milliseconds: the countdown follows the server's clock, not this machine's.
 */
export function showAttempts(limit, serverNow) {
  shown = { limit, skewMs: serverNow - Date.now() };
  sessionStorage.setItem(STORED, JSON.stringify(shown));
  render();
}

/** Forgets the verdict: nothing is known until the next attempt. */
export function forgetAttempts() {
  shown = null;
  sessionStorage.removeItem(STORED);
  render();
}

/**
 * Says when a time of the server's is, on this machine's clock.
 * @param {number} resetAt
 * @param {number} serverNow
 */
export function localTime(resetAt, serverNow) {
  return new Date(resetAt - serverNow + Date.now()).toLocaleTimeString();
}

function render() {
  const remainingMs = shown === null ? 0 : shown.limit.resetAt - (Date.now() + shown.skewMs);
  if (shown === null || remainingMs <= 0) {
    pips.replaceChildren();
    left.textContent = unknownText;
    reset.textContent = '';
    return;
  }
  const { limit, remaining } = shown.limit;
  pips.classList.toggle('empty', remaining === 0);
  pips.replaceChildren(...Array.from({ length: limit }, (_, index) => make('span', index < remaining ? 'pip' : 'pip spent')));
  left.textContent = remaining === 0 ? `None of ${limit} attempts left.` : `${remaining} of ${limit} attempts left.`;
  reset.textContent = `Starts afresh in ${clock(remainingMs)}.`;
}

/** @param {number} ms */
function clock(ms) {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
