import { Hono } from 'hono';
import type { Context } from 'hono';
import { readOutbox } from '../account/mail.ts';
import { forgetAttempts } from '../auth/login-limits.ts';
import type { AppEnv, LocalDemo } from '../env.ts';
import { answer } from '../http/answer.ts';
import { isLoopback } from '../http/loopback.ts';
import { HttpProblem, problems } from '../http/problem.ts';
import { stripeEvent } from './stripe.ts';

/**
 * The routes under /demo: they do something on a developer's machine only. LOCAL_DEMO has no accounts in a deployed
 * environment, and a request to any host but this machine's is answered as if there were none even where it has.
 */
export const demo = new Hono<AppEnv>()
  .get('/', accounts)
  .get('/outbox', outbox)
  .post('/reset-attempts', resetAttempts)
  .post('/stripe', (c) => {
    if (demoAccounts(c).length === 0) throw problems.notFound();
    return stripeEvent(c);
  });

/** `GET /demo`: the accounts of the sample data; none on a deployed worker. */
function accounts(c: Context<AppEnv>): Response {
  return answer(c, { accounts: demoAccounts(c) });
}

/** `GET /demo/outbox`: the mail that nothing sends here. */
async function outbox(c: Context<AppEnv>): Promise<Response> {
  if (demoAccounts(c).length === 0) throw problems.notFound();
  return answer(c, { mail: await c.var.served.d1('read outbox', () => readOutbox(c.env.DB)) });
}

/** `POST /demo/reset-attempts`: forgets the sign-in attempts of the caller and on the demo accounts, so that the refusal can be tried again. */
async function resetAttempts(c: Context<AppEnv>): Promise<Response> {
  const accounts = demoAccounts(c);
  if (accounts.length === 0) throw problems.notFound();
  try {
    await forgetAttempts(
      c,
      accounts.map(({ email }) => email),
    );
  } catch (cause) {
    throw new HttpProblem('reset-incomplete', 503, 'Not reset', 'The attempts could not be forgotten. Try again.', { cause });
  }
  return answer(c, { reset: true });
}

function demoAccounts(c: Context<AppEnv>): LocalDemo['accounts'] {
  return isLoopback(new URL(c.req.url)) ? (c.env.LOCAL_DEMO?.accounts ?? []) : [];
}
