import type Stripe from 'stripe';
import { effects } from './effects/index.ts';
import type { Effect } from './effects/effect.ts';
import { UnusableEvent } from './effects/effect.ts';
import type { Env } from './env.ts';
import { claimEvent, completion, countUnknown, releaseClaim } from './events-table.ts';
import type { Outcome } from './events-table.ts';
import { runFollowups } from './followups.ts';
import { logFailure, logNotice } from './log.ts';

/** What a delivery came to. `held`: another delivery of the event is being worked on, and this one did nothing. */
export type Delivered = Outcome | 'duplicate' | 'unknown' | 'held';

/**
 * Lets a verified event take effect, once, however often and however concurrently it is delivered. Rejects where the effect
 * could not be stored; then nothing of it is, and the next delivery begins afresh. What the effect leaves to do in KV is done
 * before this resolves, or later by `retryFollowups`: KV makes no delivery fail. `now` is Unix milliseconds.
 */
export async function deliver(
  env: Env,
  event: Stripe.Event,
  now: number,
  known: ReadonlyMap<string, Effect> = effects,
): Promise<Delivered> {
  const effect = known.get(event.type);
  if (effect === undefined) {
    await countUnknown(env.DB, event.type, now);
    return 'unknown';
  }
  const claim = await claimEvent(env.DB, event, now);
  if (claim.state === 'held') return 'held';
  if (claim.state === 'done') {
    // Its handler may have crashed after the effect was stored and before the caches heard of it.
    await runFollowups(env, event.id);
    return 'duplicate';
  }
  try {
    const { outcome, statements } = prepare(env.DB, event, effect);
    await env.DB.batch([completion(env.DB, event.id, claim.token, outcome, now), ...statements]);
    await runFollowups(env, event.id);
    return outcome;
  } catch (error) {
    await releaseClaim(env.DB, event.id, claim.token).catch((cause: unknown) => logFailure('claim release', cause));
    throw error;
  }
}

/** An event that says too little is taken nevertheless: delivered again, it would say no more. It is logged and kept. */
function prepare(db: D1Database, event: Stripe.Event, effect: Effect): { outcome: Outcome; statements: D1PreparedStatement[] } {
  try {
    const statements = effect(db, event);
    return { outcome: statements.length > 0 ? 'applied' : 'ignored', statements };
  } catch (error) {
    if (!(error instanceof UnusableEvent)) throw error;
    logNotice('unusable event', { event: event.id, type: event.type, fields: error.fields.join(' ') });
    return { outcome: 'unusable', statements: [] };
  }
}
