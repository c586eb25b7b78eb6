import * as v from 'valibot';
import { backOffSeconds } from './back-off.ts';
import { deliver } from './deliver.ts';
import type { Env } from './env.ts';
import { inParallel } from './in-parallel.ts';
import { logFailure } from './log.ts';
import type { DeadLetter } from './message.ts';
import { TranscodingMessage } from './message.ts';

/** Workers open six connections at a time; a seventh would wait while its timeout already runs. */
const AT_ONCE = 6;

/**
 * Sees to a batch of the queue of jobs, each message for itself: what becomes of one is told the queue at once, and nothing that is
 * wrong with it reaches another. Never rejects, since that would deliver the whole batch again.
 */
export function transcodingBatch(batch: MessageBatch, env: Env): Promise<void> {
  return inParallel(AT_ONCE, batch.messages, async (message) => {
    try {
      await settle(message, env);
    } catch (error) {
      logFailure('delivery of a job', error);
      message.retry({ delaySeconds: backOffSeconds(message.attempts, Math.random()) });
    }
  });
}

async function settle(message: Message, env: Env): Promise<void> {
  const parsed = v.safeParse(TranscodingMessage, message.body);
  if (!parsed.success) return bury(message, 'malformed', env);
  const verdict = await deliver(env, parsed.output, message.attempts, Math.random);
  switch (verdict.next) {
    case 'done':
      return message.ack();
    case 'unknown-job':
      return bury(message, 'unknown-job', env);
    case 'again':
      return message.retry({ delaySeconds: verdict.delaySeconds });
  }
}

/** What is wrong today is wrong tomorrow: the message is not tried a hundred times before it is put aside. */
async function bury(message: Message, reason: DeadLetter['deadLetter']['reason'], env: Env): Promise<void> {
  const letter: DeadLetter = { deadLetter: { id: message.id, reason, body: message.body } };
  // As a structured clone: a body that is no JSON arrives as it was.
  await env.DEAD_LETTERS.send(letter, { contentType: 'v8' });
  message.ack();
}
