import type { CacheClient } from '@codex/cloudflare-clients';
import * as v from 'valibot';
import type { Env } from '../env.ts';
import { checkInput } from '../http/body.ts';

/**
 * What is deleted, in this order. A session that some place still shows must find its watermark and its fence there, and an entry the
 * epochs of its tags, so those go after the values, and only when KV has had time to show that the values are gone. What was revoked
 * since the purge began stays revoked: its mark is left to end by itself.
 */
const PHASES = ['session:', 'usess:', 'cache:', 'urev:', 'srev:', 'limits', 'rest of the cache'] as const;
const AFTER_VALUES = PHASES.indexOf('urev:');

/** KV usually shows a deletion everywhere within 60 s, and promises no bound; this is five times that. */
const SETTLE_MS = 300_000;

/** Of the 1,000 operations that Workers allow a request, what a page of deletions takes, leaving some for the others. */
const PAGE_KEYS = 500;
/** Keys of one bulk read (developers.cloudflare.com/kv/api/read-key-value-pairs). */
const BULK_KEYS = 100;
/** Deletions under way at once: a request may have six connections open. */
const AT_ONCE = 6;

const State = v.object({
  phase: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(PHASES.length - 1)),
  /** KV's own cursor. */
  at: v.optional(v.string()),
  /** Unix milliseconds: when this phase may begin. */
  notBefore: v.optional(v.number()),
  /** Unix milliseconds: when the purge began. */
  begun: v.optional(v.number()),
});
type State = v.InferOutput<typeof State>;

export interface PurgePage {
  deleted: number;
  complete: boolean;
  /** Where to go on. */
  cursor?: string;
  /** Milliseconds to wait before that. */
  waitMs?: number;
}

/** The cursor to begin with. */
export const startOfEverything: string = encode({ phase: 0 });

/** Deletes a page of everything that the three clients keep in KV. What isolates remember ends by itself, in seconds. */
export async function purgeEverything(env: Env, cache: CacheClient, cursor: string, now: number): Promise<PurgePage> {
  const state = decode(cursor);
  const waitMs = (state.notBefore ?? 0) - now;
  if (waitMs > 0) return { deleted: 0, complete: false, cursor, waitMs };
  const phase = PHASES[state.phase] as (typeof PHASES)[number];
  const begun = state.begun ?? now;
  const page = await deletePhase(env, cache, phase, begun, state.at);
  if (page.cursor !== undefined)
    return { deleted: page.deleted, complete: false, cursor: encode({ ...state, begun, at: page.cursor }) };
  const next = state.phase + 1;
  if (next === PHASES.length) return { deleted: page.deleted, complete: true };
  const settles = next === AFTER_VALUES ? { notBefore: now + SETTLE_MS } : {};
  return {
    deleted: page.deleted,
    complete: false,
    cursor: encode({ phase: next, begun, ...settles }),
    ...(next === AFTER_VALUES ? { waitMs: SETTLE_MS } : {}),
  };
}

function deletePhase(
  env: Env,
  cache: CacheClient,
  phase: (typeof PHASES)[number],
  begun: number,
  at?: string,
): Promise<{ deleted: number; cursor?: string }> {
  if (phase === 'limits') return deletePage(env.RATE_LIMIT_KV, '', at);
  if (phase === 'cache:') return cache.deleteByPrefix(phase, at === undefined ? {} : { cursor: at });
  if (phase === 'rest of the cache') return deletePage(env.CACHE_KV, '', at);
  const isMark = phase === 'urev:' || phase === 'srev:';
  return deletePage(
    env.AUTH_SESSION_KV,
    phase,
    at,
    isMark ? (names) => setBefore(env.AUTH_SESSION_KV, names, begun) : undefined,
  );
}

/** Those of some watermarks and fences that were there at a time: `{"before":1767225600000}` names when each was set, or a little later. */
async function setBefore(kv: KVNamespace, names: readonly string[], time: number): Promise<string[]> {
  const isOlder = (text: string | null | undefined): boolean => {
    const [, before] = /^\{"before":(\d+)\}$/.exec(text ?? '') ?? [];
    return before === undefined || Number(before) < time;
  };
  const found: string[] = [];
  for (let from = 0; from < names.length; from += BULK_KEYS) {
    const some = names.slice(from, from + BULK_KEYS);
    const texts = await kv.get(some, 'text');
    found.push(...some.filter((name) => isOlder(texts.get(name))));
  }
  return found;
}

async function deletePage(
  kv: KVNamespace,
  prefix: string,
  at?: string,
  choose = async (all: string[]): Promise<string[]> => all,
): Promise<{ deleted: number; cursor?: string }> {
  const page = await kv.list({ prefix, limit: PAGE_KEYS, ...(at === undefined ? {} : { cursor: at }) });
  const names = await choose(page.keys.map(({ name }) => name));
  for (let from = 0; from < names.length; from += AT_ONCE) {
    await Promise.all(names.slice(from, from + AT_ONCE).map((name) => kv.delete(name)));
  }
  return { deleted: names.length, ...(page.list_complete ? {} : { cursor: page.cursor }) };
}

function encode(state: State): string {
  return btoa(JSON.stringify(state));
}

/** Throws `invalid-input` for what is no cursor of ours. */
function decode(cursor: string): State {
  let state: unknown;
  try {
    state = JSON.parse(atob(cursor));
  } catch {
    state = undefined;
  }
  return checkInput(v.object({ cursor: State }), { cursor: state }).cursor;
}
