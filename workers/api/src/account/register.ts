import { RATE_LIMITS } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { Email, NewPassword } from '../auth/input.ts';
import { hashPassword } from '../auth/password.ts';
import { findUser, insertUser } from '../auth/users-table.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { addressOf, countRequest } from '../http/limits.ts';
import { sendLater, type Mail } from './mail.ts';
import { letterWithLink } from './mailed-token.ts';

const Registration = v.object({
  email: Email,
  password: NewPassword,
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(80)),
  role: v.optional(v.picklist(['customer', 'creator']), 'customer'),
});

/**
 * `POST /account/register`: makes an account and mails its address a link. 202 whether or not there was such an account already,
 * after the same work: only the address's owner hears which.
 */
export async function register(c: Context<AppEnv>): Promise<Response> {
  const { email, password, name, role } = await readBody(c, Registration);
  await countRequest(c, RATE_LIMITS.register, addressOf(c), 'register-address');
  const passwordHash = await hashPassword(password);
  const id = crypto.randomUUID();
  const added = await c.var.served.d1('add user', () =>
    insertUser(c.env.DB, { id, email, name, role, passwordHash, createdAt: Date.now() }),
  );
  sendLater(c, added ? letterWithLink(c, 'verify-email', { id, email }) : haveOne(c, email));
  return answer(c, { registered: email }, 202);
}

async function haveOne(c: Context<AppEnv>, email: string): Promise<Mail | null> {
  const found = await findUser(c.env.DB, email);
  if (found === null) return null;
  const text =
    'Somebody tried to register this address, which has an account already. If it was you: sign in, or ask for a new password.';
  return { to: email, subject: 'You have an account already', text };
}
