import * as v from 'valibot';
import { announce } from './announce.ts';
import { backOffSeconds } from './back-off.ts';
import type { Env } from './env.ts';
import { inParallel } from './in-parallel.ts';
import { JobsTable } from './jobs-table.ts';
import { logFailure } from './log.ts';
import { DeadLetter, TranscodingMessage } from './message.ts';

/** Ours: what of a body is kept to look at. */
const MAX_BODY = 2000;

/** D1 takes them one after the other anyway. */
const AT_ONCE = 4;

/**
 * Sees to a batch of the dead-letter queue: writes each letter down, once, and ends the job of one that was delivered too often. A
 * job that still has its lease, because its last delivery died, is waited for. Never rejects.
 */
export function deadLetters(batch: MessageBatch, env: Env): Promise<void> {
  return inParallel(AT_ONCE, batch.messages, async (message) => {
    try {
      const wrapped = v.safeParse(DeadLetter, message.body);
      if (wrapped.success) {
        const { id, reason, body } = wrapped.output.deadLetter;
        await writeDown(env.DB, id, reason, body);
      } else {
        const waitSeconds = await giveUp(env, message.body);
        if (waitSeconds > 0) return message.retry({ delaySeconds: waitSeconds });
        await writeDown(env.DB, message.id, 'given-up', message.body);
      }
      message.ack();
    } catch (error) {
      logFailure('dead letter', error);
      message.retry({ delaySeconds: backOffSeconds(message.attempts, Math.random()) });
    }
  });
}

/** Ends the job of a message that has been delivered as often as the queue allows. Returns how long to wait before it can, in seconds. */
async function giveUp(env: Env, body: unknown): Promise<number> {
  const parsed = v.safeParse(TranscodingMessage, body);
  if (!parsed.success) return 0;
  const jobs = new JobsTable(env.DB);
  const lease = crypto.randomUUID();
  const now = Date.now();
  const claim = await jobs.claim(parsed.output, lease, now, env.LEASE_SECONDS * 1000);
  if (claim.found === 'nothing' || claim.found === 'ended') return 0;
  if (claim.found === 'busy') return Math.ceil((claim.job.leaseUntil - now) / 1000) + 1;
  const error = 'The job was given up after too many tries.';
  if (await jobs.failed(claim.job, lease, error, now)) {
    await announce(env.CACHE_KV, { ...claim.job, state: 'failed', error, updatedAt: now });
  }
  return 0;
}

async function writeDown(db: D1Database, id: string, reason: string, body: unknown): Promise<void> {
  await db
    .prepare('INSERT INTO dead_letters (id, reason, body, received_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING')
    .bind(id, reason, textOf(body).slice(0, MAX_BODY), Date.now())
    .run();
}

/** A body to look at: JSON, or where it is none, what it calls itself. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body) ?? String(body);
  } catch {
    return Object.prototype.toString.call(body);
  }
}
