import { getRequestEvent } from '$app/server';
import type { D1Database } from '@cloudflare/workers-types';
import { betterAuth } from 'better-auth';
import { sveltekitCookies } from 'better-auth/svelte-kit';
import { user } from './auth-schema';

/** The session cookie's name; over https with `__Secure-` before it. */
export const SESSION_COOKIE = 'codex-session';

type Env = App.Platform['env'];
export type Auth = ReturnType<typeof createAuth>;

const made = new WeakMap<D1Database, Auth>();

/** better-auth on this Worker's database: one for the isolate, made at the first request, since bindings are known no earlier. */
export function authOf(env: Env): Auth {
  const known = made.get(env.DB);
  if (known !== undefined) return known;
  const auth = createAuth(env);
  made.set(env.DB, auth);
  return auth;
}

/**
 * Its routes are not mounted: sign-in and sign-up go through this application's limits, and revocations past its cache would
 * not reach the copies there.
 */
function createAuth({ DB, APP_ORIGIN, AUTH_SECRET }: Env) {
  return betterAuth({
    database: DB,
    baseURL: APP_ORIGIN,
    secret: AUTH_SECRET,
    emailAndPassword: { enabled: true },
    user,
    advanced: {
      cookies: { session_token: { name: SESSION_COOKIE } },
      ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] },
    },
    // Warnings name the accounts that somebody tried.
    logger: { level: 'error' },
    telemetry: { enabled: false },
    // Last, as it asks to be: it hands the cookies that better-auth sets to SvelteKit.
    plugins: [sveltekitCookies(getRequestEvent)],
  });
}
