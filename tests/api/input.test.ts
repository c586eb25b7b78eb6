import { describe, expect, it } from 'vitest';
import { CLEO, call } from './api.ts';
import type { Call } from './api.ts';

async function login(options: Call): Promise<{ status: number; type: unknown; fields?: unknown }> {
  const { status, body, served, headers } = await call('POST', '/auth/login', options);
  expect(headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
  expect(served).toMatchObject({ kvReads: 0, kvWrites: 0, d1Queries: 0 });
  return { status, type: body.type, ...(body.fields === undefined ? {} : { fields: body.fields }) };
}

describe('a body', () => {
  it.each(['{', '', 'email=a&password=b', '{"email":"a@b.example"', '\u0000'])(
    'that is not JSON is refused: %j',
    async (body) => {
      expect(await login({ body })).toEqual({ status: 400, type: 'urn:codex:problem:malformed-body' });
    },
  );

  it('that is not announced as JSON is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
      expect(await login({ body: CLEO, headers: { 'Content-Type': type } })).toEqual({
        status: 415,
        type: 'urn:codex:problem:unsupported-media-type',
      });
    }
  });

  it('that is too large is refused', async () => {
    const body = { ...CLEO, more: 'x'.repeat(4096) };
    expect(await login({ body })).toEqual({ status: 413, type: 'urn:codex:problem:body-too-large' });
  });

  it.each([
    ['null', ['body']],
    ['[]', ['email', 'password']],
    ['"text"', ['body']],
    ['{}', ['email', 'password']],
    [{ email: CLEO.email }, ['password']],
    [{ email: 1, password: 'x' }, ['email']],
    [{ email: { $ne: null }, password: 'x' }, ['email']],
    [{ email: 'not an address', password: 'x' }, ['email']],
    [{ email: `${'a'.repeat(250)}@b.example`, password: 'x' }, ['email']],
    [{ email: CLEO.email, password: '' }, ['password']],
    [{ email: CLEO.email, password: 'x'.repeat(257) }, ['password']],
    [{ email: CLEO.email, password: ['x'] }, ['password']],
  ])('of another shape is refused, naming fields: %j', async (body, fields) => {
    expect(await login({ body })).toEqual({ status: 400, type: 'urn:codex:problem:invalid-input', fields });
  });

  it('is never quoted in the answer', async () => {
    const { body } = await call('POST', '/auth/login', { body: { email: 'secret-looking', password: ['hunter2'] } });
    expect(JSON.stringify(body)).not.toMatch(/secret-looking|hunter2/);
  });
});
