import { ask } from './api.js';
import { byId, make, makeButton, showMessage, whileBusy } from './dom.js';
import { servedBadge } from './log.js';

/** @typedef {import('./api.js').Content} Content */

const FEATURED = 'featured';

const chips = byId('chips', HTMLElement);
const entries = byId('entries', HTMLUListElement);
const message = byId('library-message', HTMLElement);
const served = byId('library-served', HTMLElement);
const reload = byId('reload', HTMLButtonElement);

/** @type {Map<string, string>} */
const names = new Map([[FEATURED, 'Featured']]);
let current = FEATURED;

/** Loads the categories and the featured list. */
export async function startLibrary() {
  reload.addEventListener('click', () => void whileBusy(reload, () => showList(current)));
  const { ok, body } = await ask('Categories', 'GET', '/categories');
  if (ok) for (const { id, name } of body.categories ?? []) names.set(id, name);
  chips.replaceChildren(...Array.from(names, ([id, name]) => chip(id, name)));
  await showList(current);
}

/**
 * Shows a list: a category's id, or the featured one.
 * @param {string} id
 * @returns {Promise<import('./api.js').Served['from'] | null>} Where it came from; null where another is shown by now.
 */
export async function showList(id) {
  current = id;
  for (const button of chips.querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.list === id));
  const path = id === FEATURED ? '/content/featured' : `/content?category=${encodeURIComponent(id)}`;
  const { ok, body } = await ask(`List: ${categoryName(id)}`, 'GET', path);
  if (current !== id) return null;
  served.replaceChildren(...(body.served ? [servedBadge(body.served)] : []));
  const list = ok ? /** @type {Content[]} */ (body.content) : [];
  entries.replaceChildren(...list.map(entry));
  if (!ok) showMessage(message, body.detail ?? 'That did not work.', 'error');
  else showMessage(message, list.length === 0 ? 'Nothing is published here yet.' : '');
  return body.served?.from ?? null;
}

/** Which list is shown. */
export function shownList() {
  return current;
}

/** The categories: id and name. */
export function categories() {
  return Array.from(names).filter(([id]) => id !== FEATURED);
}

/**
 * A category as people call it.
 * @param {string} id
 */
export function categoryName(id) {
  return names.get(id) ?? id;
}

/**
 * @param {string} id
 * @param {string} name
 */
function chip(id, name) {
  const button = makeButton(name, '', () => void showList(id));
  button.dataset.list = id;
  button.setAttribute('aria-pressed', String(id === current));
  return button;
}

/** @param {Content} content */
function entry({ title, summary, categoryId, creatorName, publishedAt }) {
  const date = new Date(publishedAt).toLocaleDateString([], { dateStyle: 'medium' });
  return make(
    'li',
    '',
    make('h3', '', title),
    make('p', 'summary', summary),
    make('p', 'quiet', `${creatorName} · ${categoryName(categoryId)} · ${date}`),
  );
}
