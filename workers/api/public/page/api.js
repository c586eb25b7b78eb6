import { logAnswer } from './log.js';

/**
 * @typedef {object} Step
 * @property {string} client
 * @property {string} op
 * @property {string} outcome
 * @property {string} source
 * @property {number} durationMs
 *
 * @typedef {object} Served
 * @property {'d1' | 'kv' | 'authority' | 'memory' | 'none'} from
 * @property {number} kvReads
 * @property {number} kvWrites
 * @property {number} durationMs
 * @property {number} now The server's clock, Unix milliseconds.
 * @property {Step[]} steps
 *
 * @typedef {object} User
 * @property {string} name
 * @property {'customer' | 'creator' | 'owner'} role
 * @property {boolean} emailVerified
 *
 * @typedef {object} OwnSession
 * @property {string} id
 * @property {number} createdAt Unix milliseconds.
 * @property {string | null} userAgent
 * @property {boolean} current
 *
 * @typedef {object} Letter
 * @property {string} to
 * @property {string} subject
 * @property {string} text
 * @property {number} sentAt Unix milliseconds.
 *
 * @typedef {object} Limit
 * @property {number} limit
 * @property {number} remaining
 * @property {number} resetAt Unix milliseconds.
 * @property {number} retryAfterMs 0 where the attempt passed.
 *
 * @typedef {object} Content
 * @property {string} id
 * @property {string} title
 * @property {string} summary
 * @property {string} categoryId
 * @property {string} creatorName
 * @property {string} publishedAt
 *
 * @typedef {object} Managed
 * @property {string} id
 * @property {string} title
 * @property {'draft' | 'published'} status
 * @property {string} categoryId
 * @property {string} creatorName
 * @property {boolean} featured
 *
 * @typedef {object} Owned
 * @property {string} id
 * @property {string} title
 * @property {string} creatorName
 * @property {string} purchasedAt
 *
 * @typedef {object} Offer
 * @property {string} id
 * @property {string} title
 * @property {string} creatorName
 * @property {number} amount In the currency's smallest unit.
 * @property {string} currency
 *
 * @typedef {object} Media
 * @property {string} mediaId
 * @property {'queued' | 'submitted' | 'transcoding' | 'ready' | 'failed'} state
 * @property {string | null} error
 * @property {string | null} note
 * @property {number | null} durationMs
 * @property {string | null} resultType
 * @property {string} title Of a list only, as what follows.
 * @property {string} categoryId
 * @property {string} fileName
 * @property {number} bytes
 *
 * @typedef {object} Answer What the worker's answers have, each of them some of it.
 * @property {Served} [served]
 * @property {string} [type]
 * @property {string} [detail]
 * @property {User | null} [user]
 * @property {{ expiresAt: string }} [session]
 * @property {Limit} [limit] Of the caller's address.
 * @property {Limit} [accountLimit] Of the account.
 * @property {string} [refusedFor] Which of them refused, in words.
 * @property {number} [retryAfterMs]
 * @property {{ id: string, name: string, description: string }[]} [categories]
 * @property {{ refreshed: boolean, detail?: string }} [lists]
 * @property {Owned[]} [library]
 * @property {Offer[]} [offers]
 * @property {string} [outcome] What became of an event.
 * @property {unknown} [media]
 * @property {boolean} [started] Whether the job of an upload is in the queue already.
 * @property {{ name: string, role: string, email: string, password: string }[]} [accounts]
 * @property {OwnSession[]} [sessions]
 * @property {Letter[]} [mail]
 * @property {number} [deleted] Keys that a purge has deleted.
 * @property {boolean} [complete] Whether that was all.
 * @property {string} [cursor] Where to go on.
 * @property {boolean} [revoked] Whether cached copies of what was ended are known to be void.
 */

/** @type {(answer: Answer) => void} */
let onSignedOut = () => {};

/**
 * `listener` hears each time the worker does not know who is asking, once whoever asked has heard it.
 * @param {(answer: Answer) => void} listener
 */
export function whenSignedOut(listener) {
  onSignedOut = listener;
}

/**
 * Asks the worker, and logs what answered. A worker that cannot be reached is an answer with status 0. A file is sent as it is, anything
 * else as JSON.
 * @param {string | null} action What the person did, for the log; null when nobody did anything.
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{ fresh?: boolean, headers?: Record<string, string> }} [options] `fresh`: the worker is to drop its cached copy first
 *   (`Cache-Control: no-cache`).
 * @returns {Promise<{ ok: boolean, status: number, body: Answer & { content?: unknown } }>}
 */
export async function ask(action, method, path, body, { fresh = false, headers = {} } = {}) {
  const startedAt = performance.now();
  /** @type {RequestInit} */
  const init = { method, headers };
  if (body instanceof File) {
    init.headers = { ...headers, 'Content-Type': body.type };
    init.body = body;
  } else if (body !== undefined) {
    init.headers = { ...headers, 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  if (fresh) init.cache = 'reload';
  let status = 0;
  let ok = false;
  /** @type {Answer} */
  let answer = { detail: 'The worker could not be reached. Try again.' };
  try {
    const response = await fetch(path, init);
    status = response.status;
    ok = response.ok;
    answer = await response.json();
  } catch {
    ok = false;
  }
  if (action !== null) {
    const roundTripMs = performance.now() - startedAt;
    logAnswer({ action, request: `${method} ${path}`, status, roundTripMs, served: answer.served });
  }
  // An administrator's secret that is refused is no session: such an answer has no user.
  if (answer.type === 'urn:codex:problem:not-signed-in' && answer.user === null) setTimeout(() => onSignedOut(answer));
  return { ok, status, body: answer };
}
