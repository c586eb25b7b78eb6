import type { Context } from 'hono';
import * as v from 'valibot';
import type { AppEnv, Env } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { problems } from '../http/problem.ts';
import { askedOfKv } from './asked-of-kv.ts';

/**
 * What may be looked into key by key: the cache and the counters. Session keys are tokens, which nobody reads out, not even here:
 * sessions are seen and ended by user.
 */
const Store = v.picklist(['cache', 'limits']);
/** A key as KV takes it (developers.cloudflare.com/kv/api/write-key-value-pairs). */
const Key = v.pipe(v.string(), v.minLength(1), v.maxBytes(512), v.notValues(['.', '..']));
const Entry = v.object({ store: Store, key: Key });
const Page = v.object({
  store: Store,
  prefix: v.optional(v.pipe(v.string(), v.maxBytes(512)), ''),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(4096))),
});

const PAGE_KEYS = 1000;
/** As much of a value as an answer shows. */
const SHOWN_UNITS = 100_000;

/** `GET /admin/keys?store=cache&prefix=&cursor=`: a page of keys, in the order of their bytes. */
export async function listKeys(c: Context<AppEnv>): Promise<Response> {
  const { store, prefix, cursor } = checkInput(Page, c.req.query());
  const where = cursor === undefined ? {} : { cursor };
  const page = await askedOfKv(() => namespace(c.env, store).list({ prefix, limit: PAGE_KEYS, ...where }));
  const keys = page.keys.map(({ name, expiration, metadata }) => ({ name, expiration, metadata }));
  return answer(c, { keys, ...(page.list_complete ? {} : { cursor: page.cursor }) });
}

/** `GET /admin/entry?store=cache&key=`: a value as KV has it, and, of a cache entry, what the cache makes of it. */
export async function getEntry(c: Context<AppEnv>): Promise<Response> {
  const { store, key } = checkInput(Entry, c.req.query());
  const { value, metadata } = await askedOfKv(() => namespace(c.env, store).getWithMetadata(key, 'text'));
  if (value === null) throw problems.notFound();
  const explained = store === 'cache' ? { explained: await askedOfKv(() => c.var.clients.cache.explain(key)) } : {};
  return answer(c, { key, value: value.slice(0, SHOWN_UNITS), units: value.length, metadata, ...explained });
}

/** `DELETE /admin/entry?store=cache&key=`: deletes one. Deleting what is not there is no error. */
export async function deleteEntry(c: Context<AppEnv>): Promise<Response> {
  const { store, key } = checkInput(Entry, c.req.query());
  await askedOfKv(() => (store === 'cache' ? c.var.clients.cache.delete(key) : c.env.RATE_LIMIT_KV.delete(key)));
  return answer(c, { deleted: key });
}

function namespace(env: Env, store: v.InferOutput<typeof Store>): KVNamespace {
  return store === 'cache' ? env.CACHE_KV : env.RATE_LIMIT_KV;
}
