import { ask } from './api.js';
import { byId, make, makeButton, showMessage, whileBusy } from './dom.js';
import { categoryName, showList } from './library.js';
import { servedBadge } from './log.js';

/** @typedef {import('./api.js').Managed} Managed */

const card = byId('manage', HTMLElement);
const managed = byId('managed', HTMLUListElement);
const message = byId('manage-message', HTMLElement);
const served = byId('manage-served', HTMLElement);

/**
 * Shows what this user may publish; nothing for a customer or nobody.
 * @param {import('./api.js').User | null} user
 */
export async function showManage(user) {
  card.hidden = user === null || user.role === 'customer';
  if (card.hidden) {
    managed.replaceChildren();
    showMessage(message, '');
    return;
  }
  const { ok, body } = await ask('My content', 'GET', '/content/mine');
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  served.replaceChildren(...(body.served ? [servedBadge(body.served)] : []));
  managed.replaceChildren(.../** @type {Managed[]} */ (body.content).map(row));
}

/**
 * @param {Managed} content
 * @returns {HTMLLIElement}
 */
function row(content) {
  const published = content.status === 'published';
  const button = makeButton(
    published ? 'Unpublish' : 'Publish',
    'small',
    () => void whileBusy(button, () => turn(content, item)),
  );
  button.setAttribute('aria-label', `${published ? 'Unpublish' : 'Publish'} ${content.title}`);
  const facts = [content.creatorName, categoryName(content.categoryId), ...(content.featured ? ['featured'] : [])];
  const item = make(
    'li',
    '',
    make('div', 'what', make('p', 'title', content.title), make('p', 'quiet', facts.join(' · '))),
    make('span', `pill ${content.status}`, content.status),
    button,
  );
  return item;
}

/**
 * @param {Managed} content
 * @param {HTMLLIElement} item
 */
async function turn(content, item) {
  const verb = content.status === 'published' ? 'unpublish' : 'publish';
  const done = verb === 'publish' ? 'Published' : 'Withdrew';
  const { ok, body } = await ask(verb === 'publish' ? 'Publish' : 'Unpublish', 'POST', `/content/${content.id}/${verb}`);
  if (body.served) served.replaceChildren(servedBadge(body.served));
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  const changed = /** @type {Managed} */ (body.content);
  const replacement = row(changed);
  item.replaceWith(replacement);
  replacement.querySelector('button')?.focus();
  const refreshed = body.lists?.refreshed === true;
  const lists = refreshed
    ? `The ${categoryName(changed.categoryId)} and Featured lists were dropped from KV.`
    : (body.lists?.detail ?? '');
  showMessage(message, `${done} “${changed.title}”. ${lists}`, refreshed ? 'good' : 'error');
  await showList(changed.categoryId);
}
