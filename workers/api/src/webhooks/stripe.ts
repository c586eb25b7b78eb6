import type { Context } from 'hono';
import type { AppEnv, Env } from '../env.ts';
import { HttpProblem } from '../http/problem.ts';

/**
 * `POST /webhooks/stripe`: hands a delivery to the webhook worker as it came, body and headers, since the signature is over its
 * bytes. That signature is what proves the sender, so no Origin is asked for; the webhook worker bounds the body.
 */
export async function stripe(c: Context<AppEnv>): Promise<Response> {
  const answered = await handOver(c.env, c.req.raw);
  // A copy, because the headers of a fetched response cannot be added to.
  return new Response(answered.body, answered);
}

/** Hands a request to the webhook worker. Throws a 503 where that cannot be reached, after which Stripe delivers again. */
export async function handOver(env: Env, request: Request): Promise<Response> {
  try {
    return await env.WEBHOOKS.fetch(request);
  } catch (cause) {
    throw new HttpProblem(
      'webhooks-unavailable',
      503,
      'Webhooks unavailable',
      'The event could not be taken. Deliver it again later.',
      {
        headers: { 'Retry-After': '60' },
        cause,
      },
    );
  }
}
