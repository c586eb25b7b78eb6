/** KV's limit on a key, in bytes of UTF-8 (developers.cloudflare.com/kv/platform/limits). */
const MAX_KEY_BYTES = 512;
const PREFIX = 'auth:';
/** Begins the keys that are hashed. */
const HASHED = 'h:';

/**
 * Where a key of better-auth's stands in KV: behind a prefix of its own, so that it meets no key of another client. What is too
 * long, holds lone surrogates, or looks like a hash is hashed (SHA-256): better-auth makes keys of paths and identifiers, which clients
 * choose.
 */
export async function authKey(key: string): Promise<string> {
  const name = PREFIX + key;
  // A UTF-16 unit takes three bytes at most.
  const fits = name.length * 3 <= MAX_KEY_BYTES || new TextEncoder().encode(name).length <= MAX_KEY_BYTES;
  if (fits && !key.startsWith(HASHED) && key.isWellFormed()) return name;
  // JSON writes lone surrogates as escapes, which UTF-8 cannot tell apart.
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(key)));
  return PREFIX + HASHED + Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
