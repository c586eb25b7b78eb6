import { KVClientError } from '@codex/cloudflare-clients';
import { HttpProblem } from '../http/problem.ts';

/** KV's own refusals of what it was asked: a cursor that is none of its, say. 429 is no such: it takes the same a second later. */
const REFUSED = /^KV (?:\w+ )?failed: 4(?!29)\d\d\b/;

/**
 * Does what an administrator asked of KV. What KV, or a client, does not take is the caller's mistake; and what KV fails at can be asked
 * again, a page of a purge too: what is deleted stays deleted.
 */
export async function askedOfKv<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof HttpProblem) throw cause;
    if (isMistake(cause)) {
      const detail = 'That is no key, no prefix or no cursor that can be asked for.';
      throw new HttpProblem('invalid-input', 400, 'Invalid input', detail, { cause });
    }
    throw new HttpProblem('storage-unavailable', 503, 'KV unavailable', 'KV did not do all of it. Ask for the same again.', {
      headers: { 'Retry-After': '5' },
      cause,
    });
  }
}

function isMistake(error: unknown): boolean {
  if (error instanceof KVClientError && ['invalid-argument', 'key-too-long'].includes(error.code)) return true;
  const reason = error instanceof KVClientError ? error.cause : error;
  return reason instanceof Error && REFUSED.test(reason.message);
}
