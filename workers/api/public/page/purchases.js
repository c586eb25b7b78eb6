import { ask } from './api.js';
import { byId, make, makeButton, showMessage, whileBusy } from './dom.js';
import { servedBadge } from './log.js';

/**
 * @typedef {import('./api.js').Offer} Offer
 * @typedef {import('./api.js').Owned} Owned
 * @typedef {'bought' | 'refunded' | 'disputed'} DemoEvent
 */

const card = byId('purchases', HTMLElement);
const owned = byId('owned', HTMLUListElement);
const none = byId('purchases-none', HTMLElement);
const offers = byId('offers', HTMLUListElement);
const offersHeading = byId('offers-heading', HTMLElement);
const message = byId('purchases-message', HTMLElement);
const served = byId('purchases-served', HTMLElement);
const reload = byId('reload-purchases', HTMLButtonElement);

/** What the person did, as the log names it. */
const ACTIONS = { bought: 'Buy', refunded: 'Refund', disputed: 'Dispute' };

/** What became of it. */
const OUTCOMES = {
  bought:
    'A signed test event went the way of Stripe’s own: the webhook worker recorded the purchase and dropped your library from KV.',
  refunded: 'The webhook worker recorded the refund and dropped your library from KV.',
  disputed:
    'The card’s owner says it was not them: the purchase is void, and you are signed out everywhere. Ask “Who am I?” to see it.',
};

/** @type {Owned[]} */
let library = [];
/** @type {Offer[]} */
let sale = [];

/** Wires the card. */
export function startPurchases() {
  reload.addEventListener('click', () => void whileBusy(reload, () => showLibrary(false)));
}

/**
 * Shows what this user owns, and what there is to buy where the worker can make test events; nothing for nobody.
 * @param {import('./api.js').User | null} user
 */
export async function showPurchases(user) {
  card.hidden = user === null;
  showMessage(message, '');
  library = [];
  sale = [];
  render();
  if (user !== null) await Promise.all([showLibrary(false), showOffers()]);
}

/** @param {boolean} fresh Whether the cached copy is to be dropped first, as on coming back from a checkout. */
async function showLibrary(fresh) {
  const { ok, body } = await ask('What you own', 'GET', '/library', undefined, { fresh });
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  served.replaceChildren(...(body.served ? [servedBadge(body.served)] : []));
  library = body.library ?? [];
  render();
}

async function showOffers() {
  const [demo, offered] = await Promise.all([ask(null, 'GET', '/demo'), ask(null, 'GET', '/library/offers')]);
  const canBuy = (demo.body.accounts ?? []).length > 0;
  sale = canBuy ? (offered.body.offers ?? []) : [];
  render();
}

function render() {
  none.hidden = library.length > 0;
  owned.replaceChildren(...library.map(ownedRow));
  offersHeading.hidden = sale.length === 0;
  offers.replaceChildren(...sale.map(offerRow));
}

/** @param {Owned} content */
function ownedRow({ id, title, creatorName, purchasedAt }) {
  const date = new Date(purchasedAt).toLocaleDateString([], { dateStyle: 'medium' });
  const refund = eventButton('Refund', `Refund ${title}`, 'refunded', id);
  const dispute = eventButton('Dispute', `Dispute the payment for ${title}`, 'disputed', id);
  return make('li', '', what(title, `${creatorName} · bought ${date}`), refund, dispute);
}

/** @param {Offer} offer */
function offerRow({ id, title, creatorName, amount, currency }) {
  const price = (amount / 100).toLocaleString([], { style: 'currency', currency });
  const isOwned = library.some((content) => content.id === id);
  const action = isOwned ? make('span', 'pill published', 'yours') : eventButton('Buy', `Buy ${title}`, 'bought', id);
  return make('li', '', what(title, `${creatorName} · ${price}`), action);
}

/**
 * @param {string} title
 * @param {string} facts
 */
function what(title, facts) {
  return make('div', 'what', make('p', 'title', title), make('p', 'quiet', facts));
}

/**
 * A button that has a test event signed and delivered.
 * @param {string} text
 * @param {string} label
 * @param {DemoEvent} event
 * @param {string} contentId
 */
function eventButton(text, label, event, contentId) {
  const button = makeButton(text, 'small', () => void whileBusy(button, () => deliver(event, contentId)));
  button.setAttribute('aria-label', label);
  return button;
}

/**
 * @param {DemoEvent} event
 * @param {string} contentId
 */
async function deliver(event, contentId) {
  const { ok, body } = await ask(ACTIONS[event], 'POST', '/demo/stripe', { event, contentId });
  if (!ok) {
    showMessage(message, body.detail ?? 'That did not work.', 'error');
    return;
  }
  showMessage(message, OUTCOMES[event], event === 'disputed' ? 'error' : 'good');
  if (event === 'disputed') return;
  await showLibrary(true);
  // The button that was pressed is gone; the one that undoes it stands elsewhere.
  const undo = event === 'bought' ? 'Refund' : 'Buy';
  const title = [...library, ...sale].find((content) => content.id === contentId)?.title;
  const buttons = Array.from(card.querySelectorAll('button'));
  buttons.find((button) => button.getAttribute('aria-label') === `${undo} ${title}`)?.focus();
}
