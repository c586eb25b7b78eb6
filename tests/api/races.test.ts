import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { letterTo, registered } from './account.ts';
import { call, callWith, signIn } from './api.ts';

const OTHER_PASSWORD = 'another horse battery';

/** D1 as it is, but for what happens `before` and `after` the first batch that is sent to it. */
function overtaken({ before, after }: { before?: () => Promise<unknown>; after?: () => Promise<unknown> }): D1Database {
  let first = true;
  const DB = {
    prepare: (sql: string) => env.DB.prepare(sql),
    async batch(statements: D1PreparedStatement[]) {
      const isFirst = first;
      first = false;
      if (isFirst) await before?.();
      const results = await env.DB.batch(statements);
      if (isFirst) await after?.();
      return results;
    },
  };
  return DB as unknown as D1Database;
}

/** Sets another password by a mailed link, as somebody does whose old one is known to another. */
async function reset({ email }: { email: string }): Promise<void> {
  await call('POST', '/account/password-reset', { body: { email } });
  const { token } = await letterTo(email, /new password/);
  const body = { token, password: OTHER_PASSWORD };
  expect((await call('POST', '/account/password-reset/confirm', { body })).status).toBe(200);
}

describe('a new password by a mailed link', () => {
  it('is not outlived by a sign-in with the old one that was under way', async () => {
    const user = await registered();
    const late = await callWith({ DB: overtaken({ before: () => reset(user) }) }, 'POST', '/auth/login', { body: user });
    expect(late).toMatchObject({ status: 401, body: { type: 'urn:codex:problem:wrong-credentials' }, cookies: {} });
    const sessions = 'SELECT COUNT(*) AS n FROM sessions JOIN users ON users.id = user_id WHERE email = ?1';
    expect(await env.DB.prepare(sessions).bind(user.email).first('n')).toBe(0);
    expect((await call('POST', '/auth/login', { body: { ...user, password: OTHER_PASSWORD } })).status).toBe(200);
  });

  it('is not undone by a change of the old one that was under way', async () => {
    const user = await registered();
    const token = await signIn(user);
    const body = { current: user.password, next: user.password };
    const DB = overtaken({ before: () => reset(user) });
    const late = await callWith({ DB }, 'POST', '/account/password', { token, body });
    expect(late).toMatchObject({ status: 403, body: { type: 'urn:codex:problem:wrong-credentials' } });
    expect((await call('POST', '/auth/login', { body: user })).status).toBe(401);
    const again = await signIn({ ...user, password: OTHER_PASSWORD });
    expect((await call('GET', '/auth/me', { token: again })).status).toBe(200);
  });
});

it('a sign-in that is ended before its answer leaves no copy in the cache', async () => {
  const user = await registered();
  const elsewhere = await signIn(user);
  const after = (): Promise<unknown> => call('POST', '/account/sign-out-everywhere', { token: elsewhere });
  const { cookies } = await callWith({ DB: overtaken({ after }) }, 'POST', '/auth/login', { body: user });
  expect((await call('GET', '/auth/me', { token: cookies['codex-session'] ?? '' })).status).toBe(401);
});
