import { showSignedIn } from './account.js';
import { ask } from './api.js';
import { byId, checkFilled, make, makeButton, onSubmit, showMessage, whileBusy } from './dom.js';
import { servedBadge } from './log.js';
import { readOutbox } from './outbox.js';

/** @typedef {import('./api.js').OwnSession} OwnSession */

const card = byId('security', HTMLElement);
const list = byId('own-sessions', HTMLUListElement);
const message = byId('security-message', HTMLElement);
const served = byId('security-served', HTMLElement);
const everywhere = byId('everywhere', HTMLButtonElement);
const verify = byId('verify', HTMLButtonElement);
const changeForm = byId('change-form', HTMLFormElement);
const current = byId('change-current', HTMLInputElement);
const next = byId('change-next', HTMLInputElement);

/** Wires the card of one's own sessions. */
export function startSecurity() {
  everywhere.addEventListener('click', () => void whileBusy(everywhere, signOutEverywhere));
  verify.addEventListener('click', () => void whileBusy(verify, mailLink));
  onSubmit(changeForm, change);
}

/**
 * Shows where this user is signed in; nothing for nobody.
 * @param {import('./api.js').User | null} user
 */
export async function showSecurity(user) {
  card.hidden = user === null;
  verify.hidden = user === null || user.emailVerified;
  showMessage(message, '');
  if (user === null) list.replaceChildren();
  else await showSessions();
}

async function showSessions() {
  const { ok, body } = await ask('My sessions', 'GET', '/account/sessions');
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  if (body.served) served.replaceChildren(servedBadge(body.served));
  list.replaceChildren(...(body.sessions ?? []).map(row));
}

/** @param {OwnSession} session */
function row({ id, createdAt, userAgent, current: isThis }) {
  const since = new Date(createdAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const what = make('div', 'what', make('p', 'title', browserOf(userAgent)), make('p', 'quiet', `since ${since}`));
  if (isThis) return make('li', '', what, make('span', 'pill published', 'this one'));
  const button = makeButton('Revoke', 'small', () => void whileBusy(button, () => revoke(id)));
  button.setAttribute('aria-label', `Revoke the session of ${since}`);
  return make('li', '', what, button);
}

/** @param {string} id */
async function revoke(id) {
  const { ok, body } = await ask('Revoke a session', 'POST', `/account/sessions/${id}/revoke`);
  showMessage(
    message,
    ok ? 'That session has ended, here and in the cache.' : (body.detail ?? 'That did not work.'),
    ok ? 'good' : 'error',
  );
  await showSessions();
  // The button that was pressed is gone.
  list.focus();
}

async function signOutEverywhere() {
  const { ok, body } = await ask('Sign out everywhere', 'POST', '/account/sign-out-everywhere');
  if (ok || body.type === 'urn:codex:problem:revocation-incomplete') {
    showSignedIn(null, body, ok ? 'You are signed out everywhere.' : (body.detail ?? ''));
  } else {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
  }
}

async function mailLink() {
  const { ok, body } = await ask('Mail me a link', 'POST', '/account/verify-email/resend');
  showMessage(message, ok ? 'A letter is on its way.' : (body.detail ?? 'That did not work.'), ok ? 'good' : 'error');
  await readOutbox();
}

async function change() {
  if (!checkFilled(current, next)) {
    showMessage(message, 'Type the current password, and a new one of 12 characters or more.', 'error');
    return;
  }
  const { ok, body } = await ask('Change the password', 'POST', '/account/password', {
    current: current.value,
    next: next.value,
  });
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  changeForm.reset();
  await showSessions();
  showMessage(
    message,
    `Your password is changed, and your other sessions have ended${body.revoked ? '' : ', as soon as KV takes it'}.`,
  );
}

/**
 * A browser as people call it.
 * @param {string | null} userAgent
 */
function browserOf(userAgent) {
  const known = /(Firefox|Edg|Chrome|Safari|curl)\/(\d+)/.exec(userAgent ?? '');
  return known === null ? 'Some browser' : `${known[1] === 'Edg' ? 'Edge' : known[1]} ${known[2]}`;
}
