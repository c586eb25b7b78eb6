import { ask, whenSignedOut } from './api.js';
import { forgetAttempts, localTimeIn, showAttempts } from './attempts.js';
import { byId, make, makeButton, onSubmit, showMessage, whileBusy } from './dom.js';
import { servedBadge } from './log.js';

/** @typedef {import('./api.js').User} User */
/** @typedef {import('./api.js').Answer} Answer */

/** The session cookie cannot be read from here; this only spares a signed-out visitor a request. */
const MAYBE_SIGNED_IN = 'codex-maybe-signed-in';

const form = byId('login-form', HTMLFormElement);
const email = byId('email', HTMLInputElement);
const password = byId('password', HTMLInputElement);
const submit = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
const signedIn = byId('signed-in', HTMLElement);
const signedInName = byId('signed-in-name', HTMLElement);
const signedInDetail = byId('signed-in-detail', HTMLElement);
const message = byId('account-message', HTMLElement);
const served = byId('account-served', HTMLElement);
const who = byId('who', HTMLElement);
const whoAmI = byId('whoami', HTMLButtonElement);
const logout = byId('logout', HTMLButtonElement);
const demo = byId('demo', HTMLElement);
const ways = byId('signed-out-ways', HTMLElement);
const resetAttempts = byId('reset-attempts', HTMLButtonElement);

let hasDemo = false;
/** @type {User | null} */
let shown = null;
/** @type {(user: User | null) => void} */
let onChange = () => {};

/**
 * Wires the account card. `listener` hears who is signed in, each time that changes.
 * @param {(user: User | null) => void} listener
 */
export async function startAccount(listener) {
  onChange = listener;
  whenSignedOut((body) => {
    if (shown !== null) showSignedIn(null, body, 'Your session has ended. Sign in again.');
  });
  onSubmit(form, signIn);
  whoAmI.addEventListener('click', () => void whileBusy(whoAmI, () => askWho(true)));
  logout.addEventListener('click', () => void whileBusy(logout, signOut));
  resetAttempts.addEventListener('click', () => void whileBusy(resetAttempts, forget));
  if (localStorage.getItem(MAYBE_SIGNED_IN) !== null) await askWho(false);
}

/** Shows the demo accounts where the worker has some, which is on a developer's machine only. */
export async function startDemo() {
  const { ok, body } = await ask(null, 'GET', '/demo');
  if (!ok || body.accounts === undefined || body.accounts.length === 0) return;
  const items = body.accounts.map((account) => {
    const use = makeButton('Use', 'small', () => {
      email.value = account.email;
      password.value = account.password;
      submit.focus();
    });
    use.setAttribute('aria-label', `Use the account of ${account.name}`);
    const name = make('p', 'name', `${account.name}, ${account.role}`);
    return make('li', '', make('div', '', name, make('code', '', account.email), make('code', '', account.password)), use);
  });
  byId('demo-accounts', HTMLUListElement).replaceChildren(...items);
  hasDemo = true;
  demo.hidden = !signedIn.hidden;
  resetAttempts.hidden = false;
  byId('purge', HTMLElement).hidden = false;
}

async function signIn() {
  const missing = [email, password].filter((input) => input.value.trim() === '');
  for (const input of [email, password]) input.setAttribute('aria-invalid', String(missing.includes(input)));
  if (missing.length > 0) {
    missing[0]?.focus();
    showMessage(message, 'Type an email and a password.', 'error');
    return;
  }
  const { ok, status, body } = await ask('Sign in', 'POST', '/auth/login', { email: email.value, password: password.value });
  showServed(body);
  const now = body.served?.now ?? Date.now();
  if (body.limit && body.accountLimit) showAttempts(body.limit, body.accountLimit, now);
  if (ok && body.user) {
    password.value = '';
    showUser(body.user, body);
    showMessage(message, `Welcome, ${body.user.name}.`);
    signedInName.focus();
    return;
  }
  const refused =
    status === 429 && body.refusedFor
      ? `Too many sign-in attempts ${body.refusedFor}, so this one was not even checked. Try again at ${localTimeIn(body.retryAfterMs ?? 0)}.`
      : body.detail;
  showMessage(message, refused ?? 'That did not work.', 'error');
  if (status === 401) password.select();
}

/**
 * Shows that somebody is signed in, or nobody, as an answer to another card says.
 * @param {User | null} user
 * @param {Answer} body
 * @param {string} text
 */
export function showSignedIn(user, body, text) {
  showUser(user, body);
  showMessage(message, text);
  // What was pressed is hidden now, and with it the focus would be gone.
  if (user === null) email.focus();
}

/** Asks anew who is signed in, as others may have changed that. */
export async function refreshAccount() {
  if (shown !== null) await askWho(false);
}

/** @param {boolean} asked Whether a person asked, and so wants a message. */
async function askWho(asked) {
  const { ok, status, body } = await ask('Who am I?', 'GET', '/auth/me');
  showServed(body);
  if (ok && body.user) {
    showUser(body.user, body);
    if (asked) showMessage(message, `You are ${body.user.name}, ${body.user.role}.`);
  } else if (status === 401) {
    showUser(null, body);
    if (asked) showMessage(message, 'Nobody is signed in here.');
  } else {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
  }
}

async function signOut() {
  const { ok, body } = await ask('Sign out', 'POST', '/auth/logout');
  showServed(body);
  if (ok) {
    showUser(null, body);
    showMessage(message, 'You are signed out.');
    email.focus();
    return;
  }
  // Signed out here, but a copy of the session is left: the button stays, so that it can be finished.
  if (body.type === 'urn:codex:problem:revocation-incomplete') {
    showUser(null, body);
    logout.hidden = false;
  }
  showMessage(message, body.detail ?? 'That did not work.', 'error');
}

async function forget() {
  const { ok, body } = await ask('Forget my attempts', 'POST', '/demo/reset-attempts');
  if (ok) forgetAttempts();
  showMessage(
    message,
    ok ? 'Your sign-in attempts are forgotten.' : (body.detail ?? 'That did not work.'),
    ok ? 'good' : 'error',
  );
}

/**
 * @param {User | null} user
 * @param {Answer} body
 */
function showUser(user, body) {
  form.hidden = user !== null;
  signedIn.hidden = user === null;
  logout.hidden = user === null;
  ways.hidden = user !== null;
  demo.hidden = user !== null || !hasDemo;
  if (user === null) {
    localStorage.removeItem(MAYBE_SIGNED_IN);
    who.textContent = 'Not signed in';
  } else {
    localStorage.setItem(MAYBE_SIGNED_IN, '1');
    who.textContent = `${user.name} · ${user.role}`;
    signedInName.textContent = user.name;
    const until = body.session
      ? `, signed in until ${new Date(body.session.expiresAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`
      : '';
    signedInDetail.textContent = `${user.role}${until}`;
  }
  const changed = user?.name !== shown?.name || user?.role !== shown?.role || user?.emailVerified !== shown?.emailVerified;
  shown = user;
  if (changed) onChange(user);
}

/** @param {Answer} body */
function showServed(body) {
  served.replaceChildren(...(body.served ? [servedBadge(body.served)] : []));
}
