import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { AppEnv } from '../env.ts';
import { isSessionToken } from './session-token.ts';

const SESSION = 'codex-session';
const UNFINISHED = 'codex-unfinished-logout';
/** Ours: a cookie holds some 4,000 bytes, and one request should not revoke without bound. */
const MAX_UNFINISHED = 8;

/** How long a session lasts: the spec's 24 hours. */
export const SESSION_SECONDS = 24 * 60 * 60;

/** The session token this browser sent, or null. */
export function readSessionCookie(c: Context<AppEnv>): string | null {
  return tokenOf(getCookie(c, SESSION));
}

/** Signs this browser in. */
export function setSessionCookie(c: Context<AppEnv>, token: string): void {
  setCookie(c, SESSION, token, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/', maxAge: SESSION_SECONDS });
}

/** Signs this browser out. */
export function clearSessionCookie(c: Context<AppEnv>): void {
  deleteCookie(c, SESSION, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
}

/** The tokens of logouts that could not revoke a cached session. Logout alone sees them, and no route accepts them. */
export function readUnfinishedLogouts(c: Context<AppEnv>): string[] {
  return (getCookie(c, UNFINISHED) ?? '').split('.').filter(isSessionToken).slice(0, MAX_UNFINISHED);
}

/** Keeps tokens for another attempt at logging out, while the browser itself is signed out already. None: forgets them. */
export function setUnfinishedLogouts(c: Context<AppEnv>, tokens: string[]): void {
  const options = { httpOnly: true, secure: true, sameSite: 'Strict', path: '/auth/logout' } as const;
  if (tokens.length === 0) deleteCookie(c, UNFINISHED, options);
  else setCookie(c, UNFINISHED, tokens.slice(0, MAX_UNFINISHED).join('.'), { ...options, maxAge: SESSION_SECONDS });
}

function tokenOf(cookie: string | undefined): string | null {
  return cookie !== undefined && isSessionToken(cookie) ? cookie : null;
}
