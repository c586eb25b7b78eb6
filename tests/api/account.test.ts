import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { freshEmail, letterTo, lettersTo, PASSWORD, registered } from './account.ts';
import { CORY, call, callWith, freshAddress, signIn } from './api.ts';
import { failingKv } from './failing-stores.ts';

const OTHER_PASSWORD = 'another horse battery';

/** What D1 knows of a user. */
const userOf = (email: string) =>
  env.DB.prepare('SELECT id, role, email_verified FROM users WHERE email = ?1').bind(email).first<{
    id: string;
    role: string;
    email_verified: number;
  }>();

describe('POST /account/register', () => {
  it('makes an account that can sign in, and mails its address a link', async () => {
    const user = await registered('creator');
    expect(await userOf(user.email)).toMatchObject({ role: 'creator', email_verified: 0 });
    expect((await letterTo(user.email, /address/)).text).toContain('http://localhost:8787/#verify-email=');
    const { status, body } = await call('POST', '/auth/login', { body: user });
    expect({ status, user: body.user }).toMatchObject({ status: 200, user: { emailVerified: false, role: 'creator' } });
  });

  it('keeps neither the password nor the mailed token', async () => {
    const { email } = await registered();
    const { token } = await letterTo(email, /address/);
    const { results } = await env.DB.prepare('SELECT * FROM users JOIN one_time_tokens ON user_id = id').all();
    expect(JSON.stringify(results)).not.toContain(token);
    expect(JSON.stringify(results)).not.toContain(PASSWORD);
  });

  it('answers the same for an address that has an account, and tells its owner alone', async () => {
    const user = await registered();
    const again = { ...user, password: OTHER_PASSWORD, name: 'Impostor' };
    const taken = await call('POST', '/account/register', { body: again });
    const fresh = await call('POST', '/account/register', { body: { ...again, email: freshEmail() } });
    expect([taken.status, Object.keys(taken.body)]).toEqual([fresh.status, Object.keys(fresh.body)]);
    await letterTo(user.email, /have an account/);
    expect((await call('POST', '/auth/login', { body: { ...user, password: OTHER_PASSWORD } })).status).toBe(401);
  });

  it('admits nobody as owner, no short password and no fourth account an hour from one address', async () => {
    const address = freshAddress();
    const post = (extra: object) =>
      call('POST', '/account/register', { address, body: { email: freshEmail(), password: PASSWORD, name: 'N', ...extra } });
    expect((await post({ role: 'owner' })).body.fields).toEqual(['role']);
    expect((await post({ password: 'eleven char' })).body.fields).toEqual(['password']);
    const statuses: number[] = [];
    for (let time = 0; time < 4; time += 1) statuses.push((await post({})).status);
    expect(statuses).toEqual([202, 202, 202, 429]);
  });
});

describe('POST /account/verify-email', () => {
  it('verifies once, and a cached session says so afterwards without a new sign-in', async () => {
    const user = await registered();
    const token = await signIn(user);
    expect((await call('GET', '/auth/me', { token })).body.user).toMatchObject({ emailVerified: false });
    const { token: mailed } = await letterTo(user.email, /address/);
    expect((await call('POST', '/account/verify-email', { body: { token: mailed } })).body).toEqual({ verified: true });
    expect((await call('GET', '/auth/me', { token })).body.user).toMatchObject({ emailVerified: true });
    expect((await call('POST', '/account/verify-email', { body: { token: mailed } })).status).toBe(410);
  });

  it('takes no token of another purpose and none that is too old', async () => {
    const user = await registered();
    const { token } = await letterTo(user.email, /address/);
    const confirm = { token, password: OTHER_PASSWORD };
    expect((await call('POST', '/account/password-reset/confirm', { body: confirm })).status).toBe(410);
    await env.DB.prepare('UPDATE one_time_tokens SET expires_at = ?1').bind(Date.now()).run();
    expect((await call('POST', '/account/verify-email', { body: { token } })).status).toBe(410);
  });

  it('mails another link, which alone is good then', async () => {
    const user = await registered();
    const { token: first } = await letterTo(user.email, /address/);
    const answer = await call('POST', '/account/verify-email/resend', { token: await signIn(user) });
    expect(answer.body).toEqual({ sent: true });
    while ((await lettersTo(user.email)).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await call('POST', '/account/verify-email', { body: { token: first } })).status).toBe(410);
    const { token: second } = await letterTo(user.email, /address/);
    expect((await call('POST', '/account/verify-email', { body: { token: second } })).status).toBe(200);
  });
});

describe('mail', () => {
  /** A binding that sends what it is given to nobody. */
  const binding = (send: (message: object) => Promise<object>) =>
    ({ MAIL: { send } as unknown as SendEmail, MAIL_FROM: 'no-reply@codex.example' }) as const;

  it('goes through MAIL where that is bound, and the outbox has none of it', async () => {
    const sent: object[] = [];
    const bindings = binding(async (message) => sent.push(message) && {});
    const body = { email: freshEmail(), password: PASSWORD, name: 'New' };
    expect((await callWith(bindings, 'POST', '/account/register', { body })).status).toBe(202);
    const text = expect.stringMatching(/#verify-email=[\w-]{43}\n/) as unknown;
    expect(sent).toEqual([{ from: 'no-reply@codex.example', to: body.email, subject: 'Is this your address?', text }]);
    expect(await lettersTo(body.email)).toEqual([]);
  });

  it('that cannot be sent leaves the answer as it is, and another link can be asked for', async () => {
    const bindings = binding(() => Promise.reject(new Error('E_RECIPIENT_SUPPRESSED')));
    const body = { email: freshEmail(), password: PASSWORD, name: 'New' };
    expect((await callWith(bindings, 'POST', '/account/register', { body })).status).toBe(202);
    const token = await signIn(body);
    expect((await call('POST', '/account/verify-email/resend', { token })).body).toEqual({ sent: true });
    expect((await letterTo(body.email, /address/)).token).not.toBe('');
  });
});

describe('POST /account/password-reset', () => {
  it('answers alike for an address without an account, and mails nothing there', async () => {
    const email = freshEmail();
    // Letters are left for after the answer, for which this waits.
    expect((await callWith({}, 'POST', '/account/password-reset', { body: { email } })).status).toBe(202);
    expect(await lettersTo(email)).toEqual([]);
  });

  it('sets another password once, and ends every session, cached or not', async () => {
    const user = await registered();
    const token = await signIn(user);
    expect((await call('GET', '/auth/me', { token })).status).toBe(200);
    await call('POST', '/account/password-reset', { body: { email: user.email } });
    const { token: mailed } = await letterTo(user.email, /new password/);
    const body = { token: mailed, password: OTHER_PASSWORD };
    expect((await call('POST', '/account/password-reset/confirm', { body })).body).toEqual({ user: null, revoked: true });
    expect((await call('GET', '/auth/me', { token })).status).toBe(401);
    expect((await call('POST', '/account/password-reset/confirm', { body })).status).toBe(410);
    expect((await call('POST', '/auth/login', { body: user })).status).toBe(401);
    const again = await signIn({ ...user, password: OTHER_PASSWORD });
    expect((await call('GET', '/auth/me', { token: again })).status).toBe(200);
  });

  it('takes one of ten that use a token at once', async () => {
    const user = await registered();
    await call('POST', '/account/password-reset', { body: { email: user.email } });
    const { token } = await letterTo(user.email, /new password/);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        call('POST', '/account/password-reset/confirm', { body: { token, password: `${OTHER_PASSWORD} ${index}` } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(410)]);
  });

  it('owes the revocation where KV does not take it, and pays at the next sign-in', async () => {
    const user = await registered();
    await call('POST', '/account/password-reset', { body: { email: user.email } });
    const { token } = await letterTo(user.email, /new password/);
    const body = { token, password: OTHER_PASSWORD };
    const broken = { AUTH_SESSION_KV: failingKv() };
    const due = env.DB.prepare('SELECT user_id FROM revocations_due WHERE user_id = ?1').bind((await userOf(user.email))?.id);
    expect((await callWith(broken, 'POST', '/account/password-reset/confirm', { body })).body).toMatchObject({
      revoked: false,
    });
    expect(await due.first()).not.toBeNull();
    await signIn({ ...user, password: OTHER_PASSWORD });
    expect(await due.first()).toBeNull();
  }, 20_000);
});

describe('POST /account/password', () => {
  it('changes the password, keeps this session and ends the others', async () => {
    const user = await registered();
    const [here, there] = [await signIn(user), await signIn(user)];
    for (const token of [here, there]) expect((await call('GET', '/auth/me', { token })).status).toBe(200);
    const body = { current: user.password, next: OTHER_PASSWORD };
    expect((await call('POST', '/account/password', { token: here, body })).body).toMatchObject({ revoked: true });
    expect((await call('GET', '/auth/me', { token: here })).status).toBe(200);
    expect((await call('GET', '/auth/me', { token: there })).status).toBe(401);
  });

  it('voids a link for a new password that was mailed before', async () => {
    const user = await registered();
    await call('POST', '/account/password-reset', { body: { email: user.email } });
    const { token: mailed } = await letterTo(user.email, /new password/);
    const body = { current: user.password, next: OTHER_PASSWORD };
    expect((await call('POST', '/account/password', { token: await signIn(user), body })).status).toBe(200);
    const again = { token: mailed, password: PASSWORD };
    expect((await call('POST', '/account/password-reset/confirm', { body: again })).status).toBe(410);
  });

  it('counts a wrong current password as a sign-in attempt', async () => {
    const [user, address] = [await registered(), freshAddress()];
    const token = await signIn(user);
    const body = { current: 'wrong', next: OTHER_PASSWORD };
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      statuses.push((await call('POST', '/account/password', { token, address, body })).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429]);
  });
});

describe('one’s own sessions', () => {
  it('lists them without tokens, and says which one asks', async () => {
    const user = await registered();
    const [here, there] = [await signIn(user), await signIn(user)];
    const { body } = await call('GET', '/account/sessions', { token: here });
    const sessions = body.sessions as { id: string; current: boolean }[];
    expect(sessions.map(({ current }) => current).sort()).toEqual([false, true]);
    expect(JSON.stringify(body)).not.toContain(here);
    expect(JSON.stringify(body)).not.toContain(there);
  });

  it('ends another of them, at once and for the cache too', async () => {
    const user = await registered();
    const [here, there] = [await signIn(user), await signIn(user)];
    expect((await call('GET', '/auth/me', { token: there })).status).toBe(200);
    const { body } = await call('GET', '/account/sessions', { token: here });
    const other = (body.sessions as { id: string; current: boolean }[]).find(({ current }) => !current);
    expect((await call('POST', `/account/sessions/${other?.id}/revoke`, { token: here })).status).toBe(200);
    expect((await call('GET', '/auth/me', { token: there })).status).toBe(401);
    expect((await call('GET', '/auth/me', { token: here })).status).toBe(200);
  });

  it('signs out of the one that asks, and another one’s failure signs out nobody', async () => {
    const user = await registered();
    const [here, there] = [await signIn(user), await signIn(user)];
    const { body } = await call('GET', '/account/sessions', { token: here });
    const sessions = body.sessions as { id: string; current: boolean }[];
    const idOf = (current: boolean): string => sessions.find((session) => session.current === current)?.id ?? '';
    const broken = { AUTH_SESSION_KV: failingKv() };

    const other = await callWith(broken, 'POST', `/account/sessions/${idOf(false)}/revoke`, { token: here });
    expect(other).toMatchObject({ status: 503, body: { type: 'urn:codex:problem:revocation-incomplete' }, cookies: {} });
    expect(other.body).not.toHaveProperty('user');
    const own = await callWith(broken, 'POST', `/account/sessions/${idOf(true)}/revoke`, { token: here });
    expect(own).toMatchObject({ status: 503, body: { type: 'urn:codex:problem:revocation-incomplete', user: null } });
    expect(own.cookies).toEqual({ 'codex-session': '', 'codex-unfinished-logout': here });
    const again = await call('POST', `/account/sessions/${idOf(false)}/revoke`, { token: there });
    expect(again).toMatchObject({ status: 401 });
  });

  it('ends nobody else’s', async () => {
    const mine = await signIn(await registered());
    const theirs = await signIn(CORY);
    const { body } = await call('GET', '/account/sessions', { token: theirs });
    for (const { id } of body.sessions as { id: string }[]) {
      await call('POST', `/account/sessions/${id}/revoke`, { token: mine });
    }
    // From D1: a cached copy would outlive a row that is gone.
    expect((await call('GET', '/account/sessions', { token: theirs })).status).toBe(200);
  });

  it('signs out everywhere', async () => {
    const user = await registered();
    const tokens = [await signIn(user), await signIn(user), await signIn(user)];
    for (const token of tokens) await call('GET', '/auth/me', { token });
    const { status, cookies } = await call('POST', '/account/sign-out-everywhere', { token: tokens[0] ?? '' });
    expect({ status, cookies }).toEqual({ status: 200, cookies: { 'codex-session': '' } });
    for (const token of tokens) expect((await call('GET', '/auth/me', { token })).status).toBe(401);
  });

  it.each([
    ['GET', '/account/sessions'],
    ['POST', '/account/sessions/some-id/revoke'],
    ['POST', '/account/sign-out-everywhere'],
    ['POST', '/account/password'],
    ['POST', '/account/verify-email/resend'],
  ])('%s %s needs a session', async (method, path) => {
    expect((await call(method, path, { body: method === 'POST' ? { current: 'a', next: PASSWORD } : undefined })).status).toBe(
      401,
    );
  });
});
