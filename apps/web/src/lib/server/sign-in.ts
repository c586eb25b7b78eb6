import { RATE_LIMITS, RateLimiterClient, clientAddress } from '@codex/cloudflare-clients';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { RequestEvent } from '@sveltejs/kit';
import { isAPIError } from 'better-auth/api';
import { authOf } from './auth';
import { envOf } from './env';

type Refusal = 400 | 401 | 409 | 503;

/** What became of an attempt. The session cookie is set where it is `done`. */
export type Attempt =
  | { state: 'done' }
  | { state: 'refused'; status: Refusal; message: string }
  | { state: 'limited'; verdicts: RateLimitResult[]; names: string[]; message: string };

/**
 * Attempts on one account, from wherever: twice what one address may try, so that no single address keeps its owner out.
 * GCRA: one comes back every six minutes, not all in a lump.
 */
const ACCOUNT_LIMIT: RateLimitConfig = { limit: 10, window: 3600, keyPrefix: 'rl:login-account:', algorithm: 'gcra' };

/** The bucket of callers whose address is not known: none on Cloudflare, unless the zone's owner has it removed. */
const UNKNOWN_ADDRESS = 'unknown';

const BAD_REQUEST = 400;
const UNAUTHORIZED = 401;
const CONFLICT = 409;
const UNAVAILABLE = 503;

/** Codes of better-auth, whose status is 422 for both, and 400 or 401 for some of the second. */
const TAKEN = new Set(['USER_ALREADY_EXISTS', 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL']);
const NOT_STORED = new Set(['FAILED_TO_CREATE_USER', 'FAILED_TO_CREATE_SESSION']);

/**
 * Signs in with the `email` and `password` of a form. The attempt is counted by its address and on its account before the password
 * is looked at, and taken back where it is right. The counters are in KV, which lets attempts through that arrive at once
 * in different places; the api worker counts in an object instead, which an application built by this adapter cannot export.
 */
export async function signIn(event: RequestEvent, form: FormData): Promise<Attempt> {
  const env = envOf(event);
  const email = textOf(form, 'email').toLowerCase();
  const password = stringOf(form, 'password');
  if (email === '' || password === '') return refused(BAD_REQUEST, 'Give your email and your password.');

  const limiter = new RateLimiterClient(env.RATE_LIMIT_KV);
  const { allowed, results } = await limiter.checkAll([
    { identifier: addressOf(event), config: RATE_LIMITS.login },
    { identifier: email, config: ACCOUNT_LIMIT },
  ]);
  if (!allowed) return limited(results, ['login-address', 'login-account'], 'Too many attempts to sign in.');

  const outcome = await attempt(() =>
    authOf(env).api.signInEmail({ body: { email, password }, headers: event.request.headers }),
  );
  if (outcome.state === 'done') await Promise.all(results.map(({ ticket }) => ticket && limiter.refund(ticket)));
  return outcome;
}

/** Makes an account of the `name`, `email` and `password` of a form, and signs in. Counted by its address. */
export async function signUp(event: RequestEvent, form: FormData): Promise<Attempt> {
  const env = envOf(event);
  const name = textOf(form, 'name');
  const email = textOf(form, 'email').toLowerCase();
  const password = stringOf(form, 'password');
  if (name === '' || email === '' || password === '') return refused(BAD_REQUEST, 'Give a name, an email and a password.');

  const verdict = await new RateLimiterClient(env.RATE_LIMIT_KV).checkLimit(addressOf(event), RATE_LIMITS.register);
  if (!verdict.allowed) return limited([verdict], ['register'], 'Too many new accounts from this address.');
  return attempt(() => authOf(env).api.signUpEmail({ body: { name, email, password }, headers: event.request.headers }));
}

async function attempt(make: () => Promise<unknown>): Promise<Attempt> {
  try {
    await make();
    return { state: 'done' };
  } catch (error) {
    if (!isAPIError(error)) throw error;
    const code = error.body?.code ?? '';
    if (TAKEN.has(code)) return refused(CONFLICT, 'There is an account with that email already.');
    if (NOT_STORED.has(code)) return refused(UNAVAILABLE, 'That could not be stored. Try again in a moment.');
    if (error.statusCode === UNAUTHORIZED) return refused(UNAUTHORIZED, 'The email or the password is wrong.');
    if (error.statusCode === BAD_REQUEST) return refused(BAD_REQUEST, error.message);
    throw error;
  }
}

function refused(status: Refusal, message: string): Attempt {
  return { state: 'refused', status, message };
}

function limited(verdicts: RateLimitResult[], names: string[], message: string): Attempt {
  const waitMs = Math.max(...verdicts.map(({ allowed, retryAfterMs }) => (allowed ? 0 : retryAfterMs)));
  const minutes = Math.ceil(waitMs / 60_000);
  return { state: 'limited', verdicts, names, message: `${message} Try again in ${minutes} min.` };
}

function addressOf({ request }: RequestEvent): string {
  return clientAddress(request) ?? UNKNOWN_ADDRESS;
}

function textOf(form: FormData, name: string): string {
  return stringOf(form, name).trim();
}

/** A field as it was sent: the spaces around a password are part of it. */
function stringOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}
