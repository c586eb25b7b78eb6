import { toBase64Url } from './base64url.ts';

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Makes a session token: 256 random bits, base64url. */
export function newSessionToken(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
}

/** Whether a cookie could be a token at all. What could not costs neither a KV read nor a query. */
export function isSessionToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The form in which D1 keeps a token: its SHA-256, base64url. */
export async function hashSessionToken(token: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))));
}
