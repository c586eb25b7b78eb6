import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { localSecrets, workerConfigs } from '../../scripts/lib/local-workers.mjs';
import { root } from '../../scripts/lib/paths.mjs';
import { freePort, LocalWorker, prepare } from '../../tests/browser/local-worker.ts';
import { HttpLoad } from './http-load.mjs';
import { median, quantile } from './statistics.mjs';
import { zipf } from './zipf.mjs';

const CONNECTIONS = 64;
const VISITORS = 1000;
const CATEGORIES = ['essays', 'sound', 'film', 'workshops'];
const SEED = 20_261_123;
const HOUR_MS = 3_600_000;
const WARM_UP_MS = 3000;
const TURN_MS = 1500;

/**
 * All workers in one `wrangler dev`, as `npm start` has them, on local KV and D1, asked over 64 connections: who is asking, by one of
 * a thousand sessions, and what a category has; beside a route of the same worker that does nothing. All three take turns.
 */
export async function platform(scratch, turns) {
  const state = join(scratch, 'platform');
  prepare(state);
  await signInAll(scratch, state);
  const [api, ...others] = workerConfigs();
  const configs = [withNothing(api, scratch), ...others];
  const environment = { ...localSecrets(), WRANGLER_LOG: 'error' };
  const port = await freePort();
  const worker = new LocalWorker(state, port, { configs, environment });
  try {
    await worker.start();
    const http = await HttpLoad.open(`http://127.0.0.1:${port}`, CONNECTIONS);
    try {
      return await measure(http, turns);
    } finally {
      http.close();
    }
  } finally {
    await worker.stop();
  }
}

async function measure(http, turns) {
  const rank = zipf(VISITORS, SEED);
  let asked = 0;
  const kinds = [
    { name: 'nothing', next: () => '/nothing', expected: 'nothing' },
    {
      name: 'who is asking, GET /auth/me',
      next: () => ({ path: '/auth/me', cookie: `codex-session=${tokenOf(rank())}` }),
      expected: '"email":"visitor-',
    },
    {
      name: 'what there is, GET /content',
      next: () => `/content?category=${CATEGORIES[asked++ % CATEGORIES.length]}`,
      expected: '"content":[{"id"',
    },
  ].map((kind) => ({ ...kind, rates: [], latencies: [], busy: [], from: new Map(), answers: 0 }));

  for (const kind of kinds) await http.run(kind.next, { ms: WARM_UP_MS, read: (_, body) => check(kind, body) });
  for (let round = 0; round < turns; round++) {
    for (let turn = 0; turn < kinds.length; turn++) {
      const kind = kinds[(round + turn) % kinds.length];
      const read = (head, body) => note(kind, head, body);
      const { requests, tookMs, tookEach, busy } = await http.run(kind.next, { ms: TURN_MS, read });
      kind.rates.push((requests / tookMs) * 1000);
      kind.latencies.push({ median: median(tookEach), slow: quantile(tookEach, 0.99) });
      kind.busy.push(busy);
    }
  }
  const [nothing] = kinds;
  return kinds.map(({ name, rates, latencies, busy, from, answers }) => {
    const shares = rates.map((rate, round) => rate / nothing.rates[round]);
    return {
      name,
      rate: median(rates),
      latencyMs: median(latencies.map((each) => each.median)),
      slowMs: median(latencies.map((each) => each.slow)),
      share: { median: median(shares), low: quantile(shares, 0.1), high: quantile(shares, 0.9) },
      fromMemory: from.size === 0 ? undefined : (from.get('memory') ?? 0) / answers,
      busy: Math.max(...busy),
    };
  });
}

/** An answer that is wrong is often fast. */
function check(kind, body) {
  if (!body.includes(kind.expected)) throw new Error(`${kind.name} answered something else: ${body}`);
}

/** Where it says that it comes from. */
function note(kind, head, body) {
  check(kind, body);
  const [, from] = /^x-served-by: (\w+)/im.exec(head) ?? [];
  kind.answers++;
  if (from !== undefined) kind.from.set(from, (kind.from.get(from) ?? 0) + 1);
}

/** The api worker's configuration with `bench/api-worker.ts` in the place of its entry, somewhere else. */
function withNothing(config, scratch) {
  const text = readFileSync(config, 'utf8');
  const entry = 'main = "workers/api/src/index.ts"';
  const assets = 'directory = "workers/api/public"';
  if (!text.includes(entry) || !text.includes(assets)) throw new Error(`${config} has another entry, or other assets`);
  const file = join(scratch, 'wrangler.toml');
  const moved = text
    .replace(entry, `main = ${JSON.stringify(join(root, 'bench/api-worker.ts'))}`)
    .replace(assets, `directory = ${JSON.stringify(join(root, 'workers/api/public'))}`);
  writeFileSync(file, moved);
  return file;
}

/** Gives every visitor an account and a session in D1, as a sign-in would. */
async function signInAll(scratch, state) {
  const now = Date.now();
  // A statement for each: D1 takes none above 100 KB.
  const statements = Array.from({ length: VISITORS }, (_, number) => {
    const hash = createHash('sha256').update(tokenOf(number)).digest('base64url');
    const user = `'visitor-${number}', 'visitor-${number}@codex.example', 'Visitor', 'customer', 1, 'none', ${now}`;
    const session = `'session-${number}', '${hash}', 'visitor-${number}', ${now}, ${now + 24 * HOUR_MS}`;
    return `INSERT INTO users (id, email, name, role, email_verified, password_hash, created_at) VALUES (${user});
INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES (${session});`;
  });
  const file = join(scratch, 'visitors.sql');
  writeFileSync(file, statements.join('\n'));
  const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js');
  const [config] = workerConfigs();
  const args = ['d1', 'execute', 'DB', '--local', '--config', config, '--persist-to', state, '--yes', '--file', file];
  const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
  await promisify(execFile)(process.execPath, [wrangler, ...args], { cwd: root, env });
}

function tokenOf(number) {
  return `visitor${String(number).padStart(36, '0')}`;
}
