import { ask } from './api.js';
import { byId, make, whileBusy } from './dom.js';

const card = byId('outbox', HTMLElement);
const letters = byId('letters', HTMLUListElement);
const note = byId('outbox-note', HTMLElement);
const look = byId('read-outbox', HTMLButtonElement);

/** On a phone they stand before the library. The worker tells of more. */
const SHOWN = 5;

/** Mail is sent after the answer that says so. */
const SENT_AFTER_MS = 400;

/** Shows the outbox where there is one to show, which is on a developer's machine only. */
export async function startOutbox() {
  look.addEventListener('click', () => void whileBusy(look, show));
  await show();
}

/** Looks again, a moment after something was mailed. */
export async function readOutbox() {
  if (card.hidden) return;
  await new Promise((resolve) => setTimeout(resolve, SENT_AFTER_MS));
  await show();
}

async function show() {
  const { ok, body } = await ask(null, 'GET', '/demo');
  if (!ok || (body.accounts ?? []).length === 0) return;
  const { body: found } = await ask(null, 'GET', '/demo/outbox');
  const mail = (found.mail ?? []).slice(0, SHOWN);
  card.hidden = false;
  note.textContent =
    mail.length === 0 ? 'Mail that nothing sends here would lie here.' : 'Mail that nothing sends here, the newest first:';
  letters.replaceChildren(...mail.map(letter));
}

/** @param {import('./api.js').Letter} mail */
function letter({ to, subject, text, sentAt }) {
  const [before = '', link = '', after = ''] = text.split(/(https?:\/\/\S+)/, 3);
  const body = make('p', '', before);
  if (link !== '') {
    const open = make('a', '', 'Open the link');
    // Another fragment of this page, wherever the letter says that it is.
    open.href = new URL(link).hash;
    body.append(open);
  }
  body.append(after);
  const when = new Date(sentAt).toLocaleTimeString();
  return make('li', '', make('p', 'subject', subject), make('p', 'quiet', `${to} · ${when}`), body);
}
