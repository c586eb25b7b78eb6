import type { Context } from 'hono';
import { hashSessionToken, newSessionToken } from '../auth/session-token.ts';
import type { AppEnv } from '../env.ts';
import { ownOrigin } from '../http/origin.ts';
import { HttpProblem } from '../http/problem.ts';
import type { Mail } from './mail.ts';
import { insertToken, TOKEN_SECONDS, type Purpose } from './one-time-tokens-table.ts';

const LETTERS: Record<Purpose, { subject: string; ask: string }> = {
  'verify-email': { subject: 'Is this your address?', ask: 'Open this to say that it is:' },
  'reset-password': {
    subject: 'A new password',
    ask: 'Somebody asked for a new password for this address. Open this to choose one:',
  },
};

/** A letter with a link that is good once. The token is in the fragment, which no server and no Referer ever sees. */
export async function letterWithLink(
  c: Context<AppEnv>,
  purpose: Purpose,
  { id: userId, email }: { id: string; email: string },
): Promise<Mail> {
  const token = newSessionToken();
  const hash = await hashSessionToken(token);
  await c.env.DB.batch(insertToken(c.env.DB, { hash, purpose, userId, email, now: Date.now() }));
  const origin = ownOrigin(new URL(c.req.url), c.env.APP_ORIGIN);
  const { subject, ask } = LETTERS[purpose];
  const hours = TOKEN_SECONDS[purpose] / 3600;
  const until = `It is good once, for ${hours} hour${hours === 1 ? '' : 's'}. If this was not you, there is nothing to do.`;
  return { to: email, subject, text: `${ask}\n\n${origin}/#${purpose}=${token}\n\n${until}` };
}

/** A token that is unknown, used or too old: one answer for all three. */
export function linkExpired(): HttpProblem {
  return new HttpProblem('link-expired', 410, 'Link expired', 'This link was used already or is too old. Ask for another one.');
}
