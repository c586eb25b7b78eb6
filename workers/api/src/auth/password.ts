import { fromBase64Url, toBase64Url } from './base64url.ts';

/** The most that Workers' WebCrypto accepts for PBKDF2. */
const ITERATIONS = 100_000;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const STORED = /^\$pbkdf2-sha256\$i=100000\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

/** What an unknown user's password is checked against: the same work, with no answer that could match. */
const NOBODY = { salt: new Uint8Array(SALT_BYTES), hash: null };

/** Hashes a password for storage, with a salt of its own: `$pbkdf2-sha256$i=<iterations>$<salt>$<hash>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await derive(password, salt);
  return `$pbkdf2-sha256$i=${ITERATIONS}$${toBase64Url(salt)}$${toBase64Url(hash)}`;
}

/**
 * Checks a password against its stored form. `null`, and anything that is not a stored form, costs the same and is
 * false: how long the answer takes does not tell whether there is such a user.
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const { salt, hash } = parse(stored) ?? NOBODY;
  const derived = await derive(password, salt);
  const matches = crypto.subtle.timingSafeEqual(derived, hash ?? derived);
  return matches && hash !== null;
}

function parse(stored: string | null): { salt: Uint8Array<ArrayBuffer>; hash: Uint8Array<ArrayBuffer> } | null {
  const [, saltText, hashText] = stored?.match(STORED) ?? [];
  const salt = saltText === undefined ? null : fromBase64Url(saltText);
  const hash = hashText === undefined ? null : fromBase64Url(hashText);
  return salt?.length === SALT_BYTES && hash?.length === HASH_BYTES ? { salt, hash } : null;
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  // One person's keyboard composes é, another's sends e and an accent: both are the same password.
  const secret = new TextEncoder().encode(password.normalize('NFKC'));
  const key = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveBits']);
  const bits = await crypto.subtle.deriveBits(
    { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS },
    key,
    HASH_BYTES * 8,
  );
  return new Uint8Array(bits);
}
