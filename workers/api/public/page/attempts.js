import { byId, make } from './dom.js';

/**
 * @typedef {import('./api.js').Limit} Limit
 * @typedef {{ address: Limit, account: Limit, at: number, skewMs: number }} Shown What the last answer said, and when, on the server's clock.
 */

const STORED = 'codex-attempts';

const address = meter('pips', 'attempts-left', 'attempts-reset', 'left from this address');
const account = meter('account-pips', 'account-left', 'account-reset', 'left on this account');

/** @type {Shown | null} */
let shown = null;

/** Shows what was known before the page was reloaded, and keeps the countdowns going. */
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
 * Shows the limiter's verdicts.
 * @param {Limit} ofAddress
 * @param {Limit} ofAccount
 * @param {number} serverNow Unix milliseconds: the countdowns follow the server's clock, not this machine's.
 */
export function showAttempts(ofAddress, ofAccount, serverNow) {
  shown = { address: ofAddress, account: ofAccount, at: serverNow, skewMs: serverNow - Date.now() };
  sessionStorage.setItem(STORED, JSON.stringify(shown));
  render();
}

/** Forgets the verdicts: nothing is known until the next attempt. */
export function forgetAttempts() {
  shown = null;
  sessionStorage.removeItem(STORED);
  render();
}

/**
 * Says when a time from now is, on this machine's clock.
 * @param {number} ms
 */
export function localTimeIn(ms) {
  return new Date(Date.now() + ms).toLocaleTimeString();
}

function render() {
  const now = Date.now() + (shown?.skewMs ?? 0);
  address(shown?.address ?? null, shown?.at ?? 0, now);
  account(shown?.account ?? null, shown?.at ?? 0, now);
}

/**
 * One limit, as pips, a sentence and a countdown. Where nothing counts, it says what index.html says.
 * @param {string} pipsId
 * @param {string} leftId
 * @param {string} resetId
 * @param {string} what
 * @returns {(limit: Limit | null, at: number, now: number) => void}
 */
function meter(pipsId, leftId, resetId, what) {
  const pips = byId(pipsId, HTMLElement);
  const left = byId(leftId, HTMLElement);
  const reset = byId(resetId, HTMLElement);
  const unknownText = left.textContent ?? '';
  return (limit, at, now) => {
    if (limit === null || limit.resetAt <= now) {
      pips.replaceChildren();
      left.textContent = unknownText;
      reset.textContent = '';
      return;
    }
    const { limit: all, remaining } = limit;
    pips.classList.toggle('empty', remaining === 0);
    pips.replaceChildren(...Array.from({ length: all }, (_, index) => make('span', index < remaining ? 'pip' : 'pip spent')));
    left.textContent = `${remaining === 0 ? 'None' : remaining} of ${all} attempts ${what}.`;
    const waitMs = at + limit.retryAfterMs - now;
    if (waitMs > 0 && waitMs < limit.resetAt - now) reset.textContent = `The next one in ${clock(waitMs)}.`;
    else reset.textContent = remaining === all ? '' : `Starts afresh in ${clock(limit.resetAt - now)}.`;
  };
}

/** @param {number} ms */
function clock(ms) {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
