import { refreshAccount, showSignedIn } from './account.js';
import { ask } from './api.js';
import { byId, checkFilled, onSubmit, showMessage } from './dom.js';

const message = byId('account-message', HTMLElement);
const form = byId('reset-form', HTMLFormElement);
const password = byId('reset-password', HTMLInputElement);

let token = '';

/** Does what the link that led here is for, now and whenever another one is opened. */
export async function openMailedLink() {
  onSubmit(form, reset);
  window.addEventListener('hashchange', () => void open());
  await open();
}

async function open() {
  const [, purpose, mailed] = /^#(verify-email|reset-password)=([\w-]{43})$/.exec(location.hash) ?? [];
  if (purpose === undefined || mailed === undefined) return;
  // Neither the history nor a bookmark keeps it.
  history.replaceState(null, '', location.pathname);
  if (purpose === 'reset-password') {
    token = mailed;
    form.hidden = false;
    password.focus();
    return;
  }
  const { ok, body } = await ask('Verify my email', 'POST', '/account/verify-email', { token: mailed });
  if (ok) await refreshAccount();
  showMessage(message, ok ? 'Your email is verified.' : (body.detail ?? 'That did not work.'), ok ? 'good' : 'error');
}

async function reset() {
  if (!checkFilled(password)) {
    showMessage(message, 'A password needs 12 characters or more.', 'error');
    return;
  }
  const { ok, body } = await ask('Set a new password', 'POST', '/account/password-reset/confirm', {
    token,
    password: password.value,
  });
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  form.reset();
  form.hidden = true;
  showSignedIn(
    null,
    body,
    `Your password is set, and you are signed out everywhere${body.revoked ? '' : ', as soon as KV takes it'}. Sign in with it.`,
  );
}
