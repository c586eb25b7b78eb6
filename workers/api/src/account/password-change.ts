import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import { NewPassword } from '../auth/input.ts';
import { LoginAttempt, tooManyAttempts } from '../auth/login-limits.ts';
import { hashPassword, verifyPassword } from '../auth/password.ts';
import { hashSessionToken } from '../auth/session-token.ts';
import { findUser } from '../auth/users-table.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { HttpProblem } from '../http/problem.ts';
import { endSessions, finishRevocation } from './revocation.ts';

const Change = v.object({ current: v.pipe(v.string(), v.minLength(1), v.maxLength(256)), next: NewPassword });

/**
 * `POST /account/password`: sets another password and ends the account's other sessions. A wrong current password counts as a
 * sign-in attempt: whoever sits at somebody's open browser must not guess faster than anybody else.
 */
export async function changePassword(c: Context<AppEnv>): Promise<Response> {
  const { user, session } = await requireStoredSession(c);
  const { current, next } = await readBody(c, Change);
  const attempt = await LoginAttempt.count(c, user.email);
  if (!attempt.allowed) throw tooManyAttempts(attempt);
  const found = await c.var.served.d1('find user', () => findUser(c.env.DB, user.email));
  if (found === null || !(await verifyPassword(current, found.passwordHash))) throw wrongPassword(attempt);
  const passwordHash = await hashPassword(next);
  const tokenHash = await hashSessionToken(session.token);
  const [changed] = await c.var.served.d1('change password', () =>
    c.env.DB.batch([
      // Not where the password that was checked has been replaced meanwhile: a reset must not be undone by who knew the old one.
      c.env.DB.prepare('UPDATE users SET password_hash = ?2 WHERE id = ?1 AND password_hash = ?3').bind(
        user.id,
        passwordHash,
        found.passwordHash,
      ),
      // A link that was mailed before would undo this.
      c.env.DB.prepare(
        `DELETE FROM one_time_tokens WHERE purpose = 'reset-password'
              AND user_id = (SELECT id FROM users WHERE id = ?1 AND password_hash = ?2)`,
      ).bind(user.id, passwordHash),
      ...endSessions(c.env.DB, user.id, tokenHash, Date.now(), passwordHash),
    ]),
  );
  if (changed?.meta.changes !== 1) throw wrongPassword(attempt);
  await attempt.takeBack();
  const revoked = await finishRevocation(c, user.id, session.token);
  return answer(c, { user, revoked });
}

function wrongPassword({ headers, members }: LoginAttempt): HttpProblem {
  return new HttpProblem('wrong-credentials', 403, 'Wrong password', 'The current password is wrong.', { headers, members });
}
