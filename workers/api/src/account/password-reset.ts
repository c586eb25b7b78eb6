import { RATE_LIMITS } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { Email, MailedToken, NewPassword } from '../auth/input.ts';
import { hashPassword } from '../auth/password.ts';
import { clearSessionCookie } from '../auth/session-cookie.ts';
import { hashSessionToken } from '../auth/session-token.ts';
import { findUser } from '../auth/users-table.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { addressOf, countRequest } from '../http/limits.ts';
import { sendLater, type Mail } from './mail.ts';
import { letterWithLink, linkExpired } from './mailed-token.ts';
import { isTokenGood, resetPassword } from './one-time-tokens-table.ts';
import { finishRevocation } from './revocation.ts';

/** `POST /account/password-reset`: mails a link where there is such an account, and answers 202 either way, in the same time. */
export async function requestReset(c: Context<AppEnv>): Promise<Response> {
  const { email } = await readBody(c, v.object({ email: Email }));
  await countRequest(c, RATE_LIMITS.passwordReset, addressOf(c), 'password-reset-address');
  sendLater(c, resetLetter(c, email));
  return answer(c, { requested: email }, 202);
}

async function resetLetter(c: Context<AppEnv>, email: string): Promise<Mail | null> {
  const found = await findUser(c.env.DB, email);
  return found === null ? null : letterWithLink(c, 'reset-password', found.user);
}

/**
 * `POST /account/password-reset/confirm`: uses up the token of a mailed link to set another password, and ends every session of
 * the account. `revoked` is whether the cached copies of those sessions are known to be void.
 */
export async function confirmReset(c: Context<AppEnv>): Promise<Response> {
  const { token, password } = await readBody(c, v.object({ token: MailedToken, password: NewPassword }));
  const hash = await hashSessionToken(token);
  // Asked first, so that a made-up token does not cost a derivation.
  const good = await c.var.served.d1('find token', () => isTokenGood(c.env.DB, hash, 'reset-password', Date.now()));
  if (!good) throw linkExpired();
  const passwordHash = await hashPassword(password);
  const userId = await c.var.served.d1('reset password', () => resetPassword(c.env.DB, hash, passwordHash, Date.now()));
  if (userId === null) throw linkExpired();
  const revoked = await finishRevocation(c, userId);
  clearSessionCookie(c);
  return answer(c, { user: null, revoked });
}
