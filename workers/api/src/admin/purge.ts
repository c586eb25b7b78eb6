import type { Context } from 'hono';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { HttpProblem } from '../http/problem.ts';
import { askedOfKv } from './asked-of-kv.ts';
import { purgeEverything, startOfEverything } from './purge-everything.ts';

const Text = v.pipe(v.string(), v.minLength(1), v.maxBytes(512));
const Cursor = v.optional(v.pipe(v.string(), v.maxLength(4096)));
const Confirm = v.optional(v.string());
const Purge = v.union([
  v.strictObject({ prefix: Text, cursor: Cursor, confirm: Confirm }),
  v.strictObject({ tags: v.pipe(v.array(Text), v.minLength(1), v.maxLength(50)), confirm: Confirm }),
  v.strictObject({ everything: v.literal(true), cursor: Cursor, confirm: Confirm }),
]);

/**
 * `POST /admin/purge`: deletes of the cache what begins with `prefix`, voids what bears one of `tags`, or deletes everything that
 * the clients keep. A page at a time: `complete` says whether that was all, `cursor` where to go on. None of it can be undone,
 * so each asks for `confirm`, which is to say it again: `purge` and the prefix, the tags, or `everything`.
 */
export async function purge(c: Context<AppEnv>): Promise<Response> {
  const wanted = await readBody(c, Purge);
  const { cache } = c.var.clients;
  if ('prefix' in wanted) {
    requireConfirmation(wanted.confirm, `purge ${wanted.prefix}`);
    const options = wanted.cursor === undefined ? {} : { cursor: wanted.cursor };
    return answer(c, { ...(await askedOfKv(() => cache.deleteByPrefix(wanted.prefix, options))) });
  }
  if ('tags' in wanted) {
    requireConfirmation(wanted.confirm, `purge ${wanted.tags.join(' ')}`);
    return answer(c, { ...(await askedOfKv(() => cache.invalidateTags(wanted.tags))), complete: true });
  }
  requireConfirmation(wanted.confirm, 'purge everything');
  const cursor = wanted.cursor ?? startOfEverything;
  return answer(c, { ...(await askedOfKv(() => purgeEverything(c.env, cache, cursor, Date.now()))) });
}

function requireConfirmation(confirm: string | undefined, sentence: string): void {
  if (confirm === sentence) return;
  throw new HttpProblem(
    'confirmation-needed',
    409,
    'Say it again',
    `This cannot be undone. Repeat it with "confirm": "${sentence}".`,
  );
}
