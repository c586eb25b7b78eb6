import { ask } from './api.js';
import { byId, checkFilled, onSubmit, showMessage } from './dom.js';
import { readOutbox } from './outbox.js';

const message = byId('account-message', HTMLElement);
const registerForm = byId('register-form', HTMLFormElement);
const name = byId('new-name', HTMLInputElement);
const email = byId('new-email', HTMLInputElement);
const password = byId('new-password', HTMLInputElement);
const creator = byId('new-creator', HTMLInputElement);
const forgotForm = byId('forgot-form', HTMLFormElement);
const forgotEmail = byId('forgot-email', HTMLInputElement);
const loginEmail = byId('email', HTMLInputElement);

/** Wires the ways in for those who have no account, or no password any more. */
export function startRegister() {
  onSubmit(registerForm, register);
  onSubmit(forgotForm, forgot);
}

async function register() {
  if (!checkFilled(name, email, password)) {
    showMessage(message, 'Type a name, an email and a password of 12 characters or more.', 'error');
    return;
  }
  const role = creator.checked ? 'creator' : 'customer';
  const { ok, body } = await ask('Create an account', 'POST', '/account/register', {
    name: name.value,
    email: email.value,
    password: password.value,
    role,
  });
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  loginEmail.value = email.value;
  registerForm.reset();
  showMessage(message, 'A letter is on its way to that address. You can sign in already.');
  await readOutbox();
}

async function forgot() {
  if (!checkFilled(forgotEmail)) {
    showMessage(message, 'Type the email of the account.', 'error');
    return;
  }
  const { ok, body } = await ask('Forgot password', 'POST', '/account/password-reset', { email: forgotEmail.value });
  showMessage(
    message,
    ok ? 'If that address has an account, a link is on its way.' : (body.detail ?? 'That did not work.'),
    ok ? 'good' : 'error',
  );
  await readOutbox();
}
