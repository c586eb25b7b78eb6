/** What runs together on a developer's machine: the workers of one `wrangler dev`, and the services that they ask. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** The transcoding service; it prints `listening on <url>`. */
export const transcodingService = join(root, 'workers/queue-consumer/local/runpod.mjs');

/**
 * The wrangler.toml of every worker, the api worker's first: it is the one that answers HTTP. One `wrangler dev` of them all shares
 * KV, D1, R2, queues and objects.
 * @returns {string[]}
 */
export function workerConfigs() {
  const others = readdirSync(join(root, 'workers'))
    .sort()
    .map((name) => join(root, 'workers', name, 'wrangler.toml'))
    .filter((file) => existsSync(file));
  return [join(root, 'wrangler.toml'), ...others];
}

/**
 * Secrets for one run, made up anew. wrangler takes those that a wrangler.toml requires, and vars of the same name, from
 * the environment, unless there is a `.dev.vars` beside it.
 * @returns {Record<string, string>}
 */
export function localSecrets() {
  return Object.fromEntries(
    ['RUNPOD_API_KEY', 'MEDIA_URL_SECRET'].map((name) => [name, process.env[name] || randomBytes(32).toString('hex')]),
  );
}

/**
 * Puts the jobs into the queue again that an earlier run left behind: a local queue is gone when its `wrangler dev` ends, and nothing
 * runs scheduled handlers on this machine.
 * @param {string} origin Of the `wrangler dev`.
 * @returns {Promise<boolean>} Whether it went well.
 */
export async function resumeJobs(origin) {
  const response = await fetch(`${origin}/cdn-cgi/explorer/api/local/scheduled?worker=codex-queue-consumer`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ cron: '*/5 * * * *' }),
  });
  return response.ok && (await response.json()).result?.outcome === 'ok';
}
