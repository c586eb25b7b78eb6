import { KVClientError } from './errors.js';

/** The name of better-auth's session cookie, unless its `cookiePrefix` or `cookies` say otherwise. */
export const SESSION_COOKIE = 'better-auth.session_token';

/** Before the name of a cookie that is sent over HTTPS only (RFC 6265bis, 4.1.3.1). */
const SECURE = '__Secure-';
const NAME_PREFIX = /^__(?:Secure|Host)-/;

const HMAC = { name: 'HMAC', hash: 'SHA-256' };
/** The base64 of a SHA-256: 43 characters and one of padding. */
const SIGNATURE = /^[A-Za-z0-9+/]{43}=$/;

/** The secret seen last, ready for use: making a key takes longer than verifying by it. A key belongs to no request. */
let known: { readonly secret: string; readonly key: CryptoKey } | undefined;

/**
 * The value of a cookie that better-auth 1.7 has signed, or null: it is not there, or its signature is not of this secret. What is
 * no session of ours is known as such here, before anybody asks a store or a database for it.
 *
 * The cookie is `encodeURIComponent(value + '.' + base64(HMAC-SHA-256(secret, value)))`, found and read as better-auth does it (better-call
 * 1.4, `getSignedCookie`): the first of its name counts. Of `name` the form with `__Secure-` is preferred; a name that has such
 * a prefix itself is the only one looked for. Compared in constant time, by `crypto.subtle.verify`. Throws `invalid-config`
 * without a secret.
 */
export async function signedCookie(header: string | null, name: string, secret: string): Promise<string | null> {
  if (typeof secret !== 'string' || secret === '') {
    throw new KVClientError('invalid-config', "secret must be the one that better-auth signs its cookies with, and isn't set");
  }
  const signed = header === null ? null : cookieIn(header, name);
  const end = signed?.lastIndexOf('.') ?? -1;
  if (signed === null || end < 1) return null;
  const value = signed.slice(0, end);
  const signature = signed.slice(end + 1);
  if (!SIGNATURE.test(signature)) return null;
  const bytes = Uint8Array.from(atob(signature), (character) => character.charCodeAt(0));
  const isOurs = await crypto.subtle.verify(HMAC.name, await keyOf(secret), bytes, new TextEncoder().encode(value));
  return isOurs ? value : null;
}

function cookieIn(header: string, name: string): string | null {
  const secure = NAME_PREFIX.test(name) ? null : cookieNamed(header, SECURE + name);
  return secure ?? cookieNamed(header, name);
}

function cookieNamed(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const end = pair.indexOf('=');
    if (end < 0 || pair.slice(0, end).trim() !== name) continue;
    const text = pair.slice(end + 1).trim();
    return decoded(text.startsWith('"') ? text.slice(1, -1) : text);
  }
  return null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function keyOf(secret: string): Promise<CryptoKey> {
  if (known?.secret === secret) return known.key;
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), HMAC, false, ['verify']);
  known = { secret, key };
  return key;
}
