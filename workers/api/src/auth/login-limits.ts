import { RATE_LIMITS, rateLimitHeaders } from '@codex/cloudflare-clients';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { addressOf, shown, type Shown } from '../http/limits.ts';
import { HttpProblem } from '../http/problem.ts';

/**
 * Attempts on one account, from wherever. Whoever knows an email can use them up, so a limit on accounts is also a way to keep
 * their owner out. Hence twice what one address may try: one address alone never gets there. Hence also GCRA: an attacker with
 * many addresses must keep at it, since an attempt comes back every six minutes and not all of them in a lump; and nobody
 * who is signed in already is signed out. It leaves 240 guesses a day for all the addresses of the world together.
 */
export const ACCOUNT_LIMIT: RateLimitConfig = { limit: 10, window: 3600, keyPrefix: 'rl:login-account:', algorithm: 'gcra' };

/** The names of both policies in the RateLimit fields. */
const NAMES = ['login-address', 'login-account'];

/** A sign-in attempt, counted by its address and on its account, or by neither. */
export class LoginAttempt {
  readonly allowed: boolean;
  readonly #c: Context<AppEnv>;
  #address: RateLimitResult;
  #account: RateLimitResult;

  private constructor(c: Context<AppEnv>, address: RateLimitResult, account: RateLimitResult) {
    this.#c = c;
    this.#address = address;
    this.#account = account;
    this.allowed = address.allowed && account.allowed;
  }

  /** Counts an attempt on `email`, whether there is such an account or not. */
  static async count(c: Context<AppEnv>, email: string): Promise<LoginAttempt> {
    const { results } = await c.var.clients.limiter.checkAll([
      { identifier: addressOf(c), config: RATE_LIMITS.login },
      { identifier: email, config: ACCOUNT_LIMIT },
    ]);
    const [address, account] = results as [RateLimitResult, RateLimitResult];
    return new LoginAttempt(c, address, account);
  }

  /**
   * Takes the attempt back, since it succeeded: nobody is refused for signing in often. Attempts that failed go on counting, so an
   * attacker wins nothing by signing in to an account of their own in between.
   */
  async takeBack(): Promise<void> {
    const both = [this.#address, this.#account];
    await Promise.all(both.map(({ ticket }) => ticket && this.#c.var.clients.limiter.refund(ticket)));
    this.#address = withOneMore(this.#address, 0);
    this.#account = withOneMore(this.#account, (ACCOUNT_LIMIT.window * 1000) / ACCOUNT_LIMIT.limit);
  }

  /** Milliseconds after which another attempt may pass, or -1: never. */
  get retryAfterMs(): number {
    const waits = this.#denied.map(({ retryAfterMs }) => retryAfterMs);
    return waits.includes(-1) ? -1 : Math.max(0, ...waits);
  }

  /** What refuses it, in words. */
  get refusedFor(): string {
    return this.#denied[0] === this.#address ? 'from this address' : 'on this account';
  }

  /** What an answer's body says of both limits. */
  get members(): { limit: Shown; accountLimit: Shown } {
    return { limit: shown(this.#address), accountLimit: shown(this.#account) };
  }

  /** RateLimit-Policy, RateLimit and, for a refusal, Retry-After. */
  get headers(): Record<string, string> {
    return Object.fromEntries(rateLimitHeaders([this.#address, this.#account], NAMES));
  }

  get #denied(): RateLimitResult[] {
    return [this.#address, this.#account].filter(({ allowed }) => !allowed);
  }
}

/** Forgets the attempts from the caller's address, and on those accounts. Rejects where they may still count. */
export async function forgetAttempts(c: Context<AppEnv>, emails: readonly string[]): Promise<void> {
  const { limiter } = c.var.clients;
  await Promise.all([
    limiter.reset(addressOf(c), RATE_LIMITS.login),
    ...emails.map((email) => limiter.reset(email, ACCOUNT_LIMIT)),
  ]);
}

/**
 * What a limit says once an attempt has been taken back: one more is left, and under GCRA all of them are there an interval sooner.
 * Of one that was never counted, what it said.
 */
function withOneMore(result: RateLimitResult, soonerMs: number): RateLimitResult {
  if (result.ticket === undefined) return result;
  return { ...result, remaining: result.remaining + 1, resetAt: result.resetAt - soonerMs };
}

/** The answer to an attempt that was refused. */
export function tooManyAttempts(attempt: LoginAttempt): HttpProblem {
  const { headers, members, refusedFor, retryAfterMs } = attempt;
  const seconds = headers['retry-after'];
  const when = seconds === undefined ? '' : ` Try again in ${seconds} s.`;
  return new HttpProblem(
    'too-many-attempts',
    429,
    'Too many attempts',
    `Too many sign-in attempts ${refusedFor}; this one was not checked.${when}`,
    { headers, members: { user: null, ...members, refusedFor, retryAfterMs } },
  );
}
