import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { HttpLoad } from './http-load.mjs';
import { inWorkerd } from './workerd.mjs';
import { missShare, zipf } from './zipf.mjs';

const WORKER = join(import.meta.dirname, '..', 'load-worker.ts');
const KEYS = 10_000;
const CONCURRENCY = 64;
const SEED = 20_261_122;
/** Requests for nothing, before and after, to which the others are compared. */
const NOTHING_SHARE = 0.1;
/** How long the compiler is given, in milliseconds. */
const COMPILED_MS = 3000;
const PROGRESS_MS = 10_000;

/** What is put under load: the plain code, and this package with values remembered for so many seconds. */
const kinds = ['cache', 'session'].flatMap((what) => [
  { what, route: `${what}-plain`, ageSeconds: 0 },
  ...[2, 10, 30].map((ageSeconds) => ({ what, route: `${what}-ours`, ageSeconds })),
]);
/** What a read of ours costs: a session's has its fence and its user's watermark with it. */
const KEYS_EACH = { cache: 1, session: 3 };

/**
 * Zipf-distributed reads over HTTP from a worker on real local KV, each kind in a workerd of its own on the same stored values: so many
 * requests and for as long as its memory is old at least, or as many as fit into `kindMs`. Each is preceded by as much of the same load as its memory is old, and stands between two
 * runs of a route that does nothing.
 */
export async function load(scratch, requests, kindMs) {
  const folder = join(scratch, 'load');
  mkdirSync(folder);
  await bundle([WORKER], folder);
  const persisted = join(scratch, 'load-kv');
  const attend = (ageMs, body) =>
    inWorkerd(folder, 'load-worker.js', (miniflare) => connected(miniflare, body), {
      kvNamespaces: ['KV'],
      bindings: { AGE_MS: ageMs },
      resourcePersistencePath: persisted,
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    });

  await attend(1, fill);
  const measured = [];
  for (const { what, route, ageSeconds } of kinds) {
    const result = await attend(Math.max(1, ageSeconds * 1000), (http) =>
      measure(http, route, ageSeconds, { requests, kindMs }),
    );
    // Where memory is large enough for all keys.
    const computed = KEYS_EACH[what] * missShare(KEYS, result.rate * ageSeconds);
    measured.push({ what, route, ageSeconds, ...result, ...(ageSeconds > 0 ? { computed } : {}) });
  }
  return measured;
}

/** On a socket of the worker itself: Miniflare's own entry would be a good part of what is measured. */
async function connected(miniflare, body) {
  const http = await HttpLoad.open(await miniflare.unsafeGetDirectURL(), CONCURRENCY);
  try {
    return await body(http);
  } finally {
    http.close();
  }
}

async function fill(http) {
  for (const what of ['cache', 'session']) {
    progress(`storing ${KEYS} for ${what}`);
    let number = 0;
    await http.run(() => `/fill-${what}/${number++}`, { count: KEYS });
  }
}

async function measure(http, route, ageSeconds, { requests, kindMs }) {
  const rank = zipf(KEYS, SEED);
  const path = () => `/${route}/${rank()}`;
  const nothing = () => `/nothing/${rank()}`;

  progress(`${route}, memory of ${ageSeconds} s: warming up`);
  await http.run(nothing, { ms: COMPILED_MS });
  const before = await http.run(nothing, { count: Math.ceil(requests * NOTHING_SHARE) });
  await http.run(path, { ms: COMPILED_MS + ageSeconds * 1000 });
  const keysBefore = Number(await http.ask('/keys-read/'));

  let asked = 0;
  const counted = () => {
    asked++;
    return path();
  };
  const teller = setInterval(() => progress(`${route}, memory of ${ageSeconds} s: ${asked} of ${requests}`), PROGRESS_MS);
  const run = await askedFor(http, counted, { requests, kindMs, leastMs: ageSeconds * 1000 }).finally(() =>
    clearInterval(teller),
  );
  const keysAfter = await http.ask('/keys-read/');
  if (ageSeconds > 0 && keysAfter !== (await http.ask('/keys-read-by-stats/'))) {
    throw new Error(`${route}: stats() counts other reads than the binding saw`);
  }
  const after = await http.run(nothing, { count: Math.ceil(requests * NOTHING_SHARE) });

  const rateOf = (run) => (run.requests / run.tookMs) * 1000;
  return {
    requests: run.requests,
    rate: rateOf(run),
    nothing: (rateOf(before) + rateOf(after)) / 2,
    keysPerRequest: (Number(keysAfter) - keysBefore) / run.requests,
    /** The share of its time that the asking side was at work while it asked for nothing: at 1, it sets the pace. */
    busy: Math.max(before.busy, after.busy),
  };
}

/**
 * So many requests, and for as long as memory is old: what was read at once when the load began is read again at once, and a shorter
 * time would show more of that, or less, than there is.
 */
async function askedFor(http, next, { requests, kindMs, leastMs }) {
  const run = await http.run(next, { count: requests, ms: kindMs });
  const leftMs = Math.min(leastMs, kindMs) - run.tookMs;
  if (leftMs <= 0) return run;
  const more = await http.run(next, { ms: leftMs });
  return { requests: run.requests + more.requests, tookMs: run.tookMs + more.tookMs };
}

function progress(text) {
  process.stderr.write(`  ${text}\n`);
}
