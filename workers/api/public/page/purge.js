import { ask } from './api.js';
import { byId, checkFilled, onSubmit, showMessage } from './dom.js';
import { servedBadge } from './log.js';

const form = byId('purge-form', HTMLFormElement);
const secret = byId('purge-secret', HTMLInputElement);
const prefix = byId('purge-prefix', HTMLInputElement);
const message = byId('purge-message', HTMLElement);
const served = byId('purge-served', HTMLElement);

/** Wires the card that deletes what is cached, for whoever has the administrator's secret. */
export function startPurge() {
  onSubmit(form, purge);
}

async function purge() {
  if (!checkFilled(secret, prefix)) {
    showMessage(message, 'Type the secret and how the keys begin.', 'error');
    return;
  }
  const wanted = { prefix: prefix.value, confirm: `purge ${prefix.value}` };
  const headers = { Authorization: `Bearer ${secret.value}` };
  let deleted = 0;
  /** @type {string | undefined} */
  let cursor;
  do {
    const step = cursor === undefined ? wanted : { ...wanted, cursor };
    const { ok, body } = await ask('Purge', 'POST', '/admin/purge', step, { headers });
    if (body.served) served.replaceChildren(servedBadge(body.served));
    if (!ok) {
      showMessage(message, body.detail ?? 'That did not work.', 'error');
      return;
    }
    deleted += body.deleted ?? 0;
    cursor = body.cursor;
    showMessage(message, `${deleted} ${deleted === 1 ? 'key' : 'keys'} deleted${cursor === undefined ? '.' : ' so far ...'}`);
  } while (cursor !== undefined);
}
