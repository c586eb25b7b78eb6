import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../workers/api/src/auth/password.ts';

// Python: hashlib.pbkdf2_hmac('sha256', 'pässword'.encode(), bytes(range(16)), 100000)
const KNOWN = '$pbkdf2-sha256$i=100000$AAECAwQFBgcICQoLDA0ODw$g78tpH4qrOvbmNdJr8tb6Yc1JFIybJqRH2zZriNsUL0';

describe('password', () => {
  it('agrees with another implementation of PBKDF2-HMAC-SHA-256', async () => {
    expect(await verifyPassword('pässword', KNOWN)).toBe(true);
  });

  it('takes a password typed with combining accents', async () => {
    expect(await verifyPassword('pa\u0308ssword', KNOWN)).toBe(true);
  });

  it('salts each hash anew', async () => {
    const [one, other] = await Promise.all([hashPassword('same'), hashPassword('same')]);
    expect(one).not.toBe(other);
    expect(await verifyPassword('same', one)).toBe(true);
    expect(await verifyPassword('same', other)).toBe(true);
  });

  it.each([
    ['no user', null],
    ['an empty hash', ''],
    ['plain text', 'pässword'],
    ['fewer iterations', KNOWN.replace('100000', '1')],
    ['a shorter hash', KNOWN.slice(0, -1)],
    ['a salt that is not base64', KNOWN.replace('AAECAwQFBgcICQoLDA0ODw', '!'.repeat(22))],
  ])('matches nothing against %s', async (_, stored) => {
    expect(await verifyPassword('pässword', stored)).toBe(false);
  });

  it('does not match a different password', async () => {
    expect(await verifyPassword('passwort', KNOWN)).toBe(false);
  });
});
