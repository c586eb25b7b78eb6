import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type Stripe from 'stripe';
import { deliver } from '../../workers/webhook-handler/src/deliver.ts';
import type { Delivered } from '../../workers/webhook-handler/src/deliver.ts';
import type { Env } from '../../workers/webhook-handler/src/env.ts';
import worker from '../../workers/webhook-handler/src/index.ts';
import { sign } from './stripe.ts';
import type { TestEvent } from './stripe.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Posts a body as it is, with a `Stripe-Signature` or without. */
export async function post(body: string, signature: string | null, bindings: Partial<Env> = {}): Promise<Answer> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json; charset=utf-8' };
  if (signature !== null) headers['Stripe-Signature'] = signature;
  return call(new Request('https://codex.example/webhooks/stripe', { method: 'POST', headers, body }), bindings);
}

/** Posts an event as Stripe does. */
export async function send(event: TestEvent, bindings: Partial<Env> = {}): Promise<Answer> {
  const body = JSON.stringify(event);
  return post(body, await sign(body), bindings);
}

/** Asks the worker, and waits for what it left to `waitUntil`. */
export async function call(request: Request, bindings: Partial<Env> = {}): Promise<Answer> {
  const context = createExecutionContext();
  const response = await worker.fetch(request, { ...env, ...bindings }, context);
  const body = (await response.json()) as Record<string, unknown>;
  await waitOnExecutionContext(context);
  return { status: response.status, headers: response.headers, body };
}

/** Lets a verified event take effect, at a time of the test's own. */
export function deliverAt(
  event: TestEvent,
  now: number,
  { bindings = {}, effects }: { bindings?: Partial<Env>; effects?: Parameters<typeof deliver>[3] } = {},
): Promise<Delivered> {
  return deliver({ ...env, ...bindings }, event as unknown as Stripe.Event, now, effects);
}

/** Runs the worker's minute. */
export async function minute(): Promise<void> {
  await worker.scheduled({} as ScheduledController, env);
}

/** The payments a user owns something by, and what became of the others. */
export async function purchasesOf(userId: string): Promise<Record<string, string>> {
  const { results } = await env.DB.prepare('SELECT payment_id, state FROM settled_purchases WHERE user_id = ?1')
    .bind(userId)
    .all<{ payment_id: string; state: string }>();
  return Object.fromEntries(results.map(({ payment_id, state }) => [payment_id, state]));
}

/** What is known of an event. */
export function stored(id: string): Promise<{ outcome: string | null; attempts: number } | null> {
  return env.DB.prepare('SELECT outcome, attempts FROM webhook_events WHERE id = ?1').bind(id).first();
}

/** How many follow-ups are left to do. */
export async function followups(): Promise<number> {
  return (await env.DB.prepare('SELECT COUNT(*) AS left FROM webhook_followups').first<number>('left')) ?? 0;
}
