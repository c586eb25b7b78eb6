import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { answerProblem, answerReceived } from './answer.ts';
import { deliver } from './deliver.ts';
import type { Env } from './env.ts';
import { forgetOldEvents } from './events-table.ts';
import { retryFollowups } from './followups.ts';
import { logFailure, logNotice } from './log.ts';
import { verify } from './signature.ts';

export { DemoStripe } from './demo-stripe.ts';

/** Ours: many times the largest event. */
const MAX_BODY_BYTES = 1_048_576;

const app = new Hono<{ Bindings: Env }>();

app.post('/webhooks/stripe', bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => answerProblem('body-too-large') }), stripe);
app.notFound(() => answerProblem('not-found'));
app.onError((error) => {
  logFailure('delivery', error);
  return answerProblem('unavailable');
});

/**
 * `POST /webhooks/stripe`: takes one event. 200 once it has taken effect, now or before, or has none here; 400 for whatever is not
 * signed by Stripe; 409 while another delivery is at it, and 503 where it could not be stored, after which Stripe delivers again.
 */
async function stripe(c: Context<{ Bindings: Env }>): Promise<Response> {
  const secrets = [c.env.STRIPE_WEBHOOK_SECRET, c.env.STRIPE_WEBHOOK_SECRET_PREVIOUS].filter(
    (secret): secret is string => typeof secret === 'string' && secret.trim() !== '',
  );
  if (secrets.length === 0) throw new Error('STRIPE_WEBHOOK_SECRET is not set');
  const now = Date.now();
  const verified = await verify(() => c.req.arrayBuffer(), c.req.header('Stripe-Signature'), secrets, now);
  if ('refusal' in verified) {
    logNotice('delivery refused', { reason: verified.refusal });
    return answerProblem('bad-signature');
  }
  const delivered = await deliver(c.env, verified.event, now);
  return delivered === 'held' ? answerProblem('event-held') : answerReceived(delivered);
}

export default {
  fetch: app.fetch,

  /** Each minute: finishes what KV refused, and forgets what is long past. */
  async scheduled(_controller, env): Promise<void> {
    await retryFollowups(env);
    await forgetOldEvents(env.DB, Date.now());
  },
} satisfies ExportedHandler<Env>;
