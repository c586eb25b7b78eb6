import { ask } from './api.js';
import { byId, make, onSubmit, showMessage } from './dom.js';
import { categories, categoryName, showList, shownList } from './library.js';
import { servedBadge } from './log.js';
import { showManage } from './manage.js';

/** @typedef {import('./api.js').Media} Media */

/** The worker answers from KV for a minute, and the queue consumer replaces that at each step: asking often is cheap. */
const POLL_MS = 2000;

/** @type {Media['state'][]} */
const STEPS = ['queued', 'submitted', 'transcoding', 'ready'];

const card = byId('media', HTMLElement);
const form = byId('upload-form', HTMLFormElement);
const file = byId('upload-file', HTMLInputElement);
const title = byId('upload-title', HTMLInputElement);
const category = byId('upload-category', HTMLSelectElement);
const publish = byId('upload-publish', HTMLInputElement);
const message = byId('media-message', HTMLElement);
const served = byId('media-served', HTMLElement);
const list = byId('media-list', HTMLUListElement);

/** @type {import('./api.js').User | null} */
let user = null;

/** Whose uploads are watched: counts up when that changes, and so ends what was watched before. */
let watched = 0;

/** Wires the card. */
export function startMedia() {
  category.replaceChildren(...categories().map(([id, name]) => new Option(name, id)));
  file.addEventListener('change', () => {
    const name = file.files?.[0]?.name;
    if (name !== undefined && title.value.trim() === '') title.value = name.replace(/\.[^.]*$/, '').slice(0, title.maxLength);
  });
  onSubmit(form, upload);
}

/**
 * Shows what this user uploaded, and watches what is under way; nothing for a customer or nobody.
 * @param {import('./api.js').User | null} shownUser
 */
export async function showMedia(shownUser) {
  user = shownUser;
  watched += 1;
  card.hidden = user === null || user.role === 'customer';
  if (card.hidden) {
    list.replaceChildren();
    showMessage(message, '');
    return;
  }
  const turn = watched;
  const { ok, body } = await ask('My uploads', 'GET', '/media/mine');
  if (turn !== watched) return;
  if (body.served) served.replaceChildren(servedBadge(body.served));
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  const found = /** @type {Media[]} */ (body.media);
  list.replaceChildren(...found.map((media) => row(media)));
  for (const media of found) if (!hasEnded(media)) void watch(media, turn);
}

async function upload() {
  const [chosen] = file.files ?? [];
  const missing = [...(chosen === undefined ? [file] : []), ...(title.value.trim() === '' ? [title] : [])];
  for (const input of [file, title]) input.setAttribute('aria-invalid', String(missing.includes(input)));
  if (chosen === undefined || missing.length > 0) {
    missing[0]?.focus();
    showMessage(message, 'Choose a file and give it a title.', 'error');
    return;
  }
  showMessage(message, `Uploading “${title.value.trim()}” …`);
  const query = new URLSearchParams({
    title: title.value,
    category: category.value,
    name: chosen.name,
    publish: publish.checked ? 'yes' : 'no',
  });
  const { ok, body } = await ask('Upload', 'POST', `/media?${query}`, chosen);
  if (body.served) served.replaceChildren(servedBadge(body.served));
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  const when = body.started === false ? 'It is stored, and will be begun within minutes.' : 'Its job is in the queue.';
  showMessage(message, `Uploaded “${title.value.trim()}”. ${when}`);
  form.reset();
  await showMedia(user);
}

/**
 * Asks how far a medium has come until it has ended, and shows the lists anew when it has.
 * @param {Media} known
 * @param {number} turn
 */
async function watch(known, turn) {
  let media = known;
  while (!hasEnded(media)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (turn !== watched) return;
    const { ok, status, body } = await ask(`Status: ${known.title}`, 'GET', `/media/${known.mediaId}/status`);
    if (turn !== watched) return;
    if (status === 0 || status >= 500) continue;
    if (!ok) return;
    if (body.served) served.replaceChildren(servedBadge(body.served));
    const { state } = media;
    media = { ...media, .../** @type {Media} */ (body.media) };
    list.querySelector(`[data-media="${media.mediaId}"]`)?.replaceWith(row(media));
    if (media.state !== state) showMessage(message, said(media), media.state === 'failed' ? 'error' : 'good');
  }
  await showManage(user);
  // The consumer has dropped the list from KV. What the api worker remembers of it ends by itself, in ten seconds.
  while ((await showList(media.categoryId)) === 'memory') {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (turn !== watched || shownList() !== media.categoryId) return;
  }
}

/**
 * @param {Media} media
 * @returns {HTMLLIElement}
 */
function row(media) {
  const { title: name, fileName, bytes, categoryId, state, note, error, durationMs, resultType } = media;
  const at = STEPS.indexOf(state);
  const pips = make('div', state === 'failed' ? 'pips empty' : 'pips');
  pips.setAttribute('aria-hidden', 'true');
  pips.replaceChildren(...STEPS.map((_, step) => make('span', step <= at || state === 'failed' ? 'pip' : 'pip spent')));
  const facts = [fileName, size(bytes), categoryName(categoryId), ...(durationMs === null ? [] : [length(durationMs)])];
  const item = make(
    'li',
    '',
    make('p', 'title', name),
    make('span', `pill ${state}`, state),
    pips,
    make('p', 'quiet', facts.join(' · ')),
  );
  const text = error ?? note;
  if (text !== null) item.append(make('p', 'quiet', text));
  if (resultType !== null) {
    const link = make('a', '', 'Download the result');
    link.href = `/media/${media.mediaId}/result`;
    link.setAttribute('aria-label', `Download the result of ${name}`);
    item.append(make('p', 'quiet', link));
  }
  item.dataset.media = media.mediaId;
  return item;
}

/** @param {Media} media */
function said({ title: name, state, error, note }) {
  if (state === 'failed') return `“${name}” failed. ${error ?? ''}`;
  return state === 'ready' ? `“${name}” is ready. ${note ?? ''}` : `“${name}” is ${state}.`;
}

/** @param {Media} media */
function hasEnded({ state }) {
  return state === 'ready' || state === 'failed';
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number} ms */
function length(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
