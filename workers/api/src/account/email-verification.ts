import { RATE_LIMITS } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import { MailedToken } from '../auth/input.ts';
import { hashSessionToken } from '../auth/session-token.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { addressOf, countRequest } from '../http/limits.ts';
import { logFailure } from '../http/log.ts';
import { sendLater } from './mail.ts';
import { letterWithLink, linkExpired } from './mailed-token.ts';
import { verifyEmail } from './one-time-tokens-table.ts';

/** `POST /account/verify-email`: uses up the token of a mailed link. */
export async function confirmEmail(c: Context<AppEnv>): Promise<Response> {
  const { token } = await readBody(c, v.object({ token: MailedToken }));
  const hash = await hashSessionToken(token);
  const userId = await c.var.served.d1('verify email', () => verifyEmail(c.env.DB, hash, Date.now()));
  if (userId === null) throw linkExpired();
  // Cached copies say that it is not verified. They are revalidated, which signs nobody out; where that fails they say so for
  // an hour at most.
  await c.var.clients.sessions.invalidateUser(userId).catch((error: unknown) => logFailure('session invalidation', error));
  return answer(c, { verified: true });
}

/** `POST /account/verify-email/resend`: mails another link to whoever is signed in and has not proved their address. */
export async function resendVerification(c: Context<AppEnv>): Promise<Response> {
  const { user } = await requireStoredSession(c);
  await countRequest(c, RATE_LIMITS.verifyEmail, addressOf(c), 'verify-email-address');
  if (!user.emailVerified) sendLater(c, letterWithLink(c, 'verify-email', user));
  return answer(c, { sent: !user.emailVerified }, 202);
}
