import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import type { AppEnv, DemoDelivery, DemoStripe } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { HttpProblem, problems } from '../http/problem.ts';
import { findOffer } from '../library/library-table.ts';
import { findPayment } from '../purchases/purchases-table.ts';
import { handOver } from '../webhooks/stripe.ts';

const Wanted = v.object({
  event: v.picklist(['bought', 'refunded', 'disputed']),
  contentId: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)),
});

/**
 * `POST /demo/stripe`: has the stand-in for Stripe sign a test event about the caller and a piece of content, and hands it to the
 * webhook worker by the way that Stripe's own deliveries take. What comes of it is the webhook worker's to say.
 */
export async function stripeEvent(c: Context<AppEnv>): Promise<Response> {
  const demo = c.env.DEMO_STRIPE;
  if (demo === undefined) throw problems.notFound();
  const { event, contentId } = await readBody(c, Wanted);
  const { user } = await requireStoredSession(c);
  const { body, signature } = await (event === 'bought'
    ? bought(c, demo, user.id, contentId)
    : undone(c, demo, event, user.id, contentId));
  const request = new Request(new URL('/webhooks/stripe', c.req.url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Stripe-Signature': signature },
    body,
  });
  const answered = await handOver(c.env, request);
  const { outcome, detail } = (await answered.json()) as { outcome?: string; detail?: string };
  if (!answered.ok) {
    throw new HttpProblem(
      'webhooks-unavailable',
      503,
      'Event not taken',
      `The webhook worker answered ${answered.status}: ${detail ?? ''}`,
    );
  }
  return answer(c, { event, contentId, outcome });
}

async function bought(c: Context<AppEnv>, demo: DemoStripe, userId: string, contentId: string): Promise<DemoDelivery> {
  const offer = await c.var.served.d1('find offer', () => findOffer(c.env.DB, contentId));
  if (offer === null) throw problems.notFound();
  return demo.bought({ userId, contentId, amount: offer.amount, currency: offer.currency });
}

async function undone(
  c: Context<AppEnv>,
  demo: DemoStripe,
  event: 'refunded' | 'disputed',
  userId: string,
  contentId: string,
): Promise<DemoDelivery> {
  const payment = await c.var.served.d1('find payment', () => findPayment(c.env.DB, userId, contentId));
  if (payment === null) throw problems.notFound();
  return demo[event](payment);
}
