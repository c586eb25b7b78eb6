import { clientAddress, RATE_LIMITS, rateLimitHeaders } from '@codex/cloudflare-clients';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';

/**
 * Attempts on one account, from wherever. Whoever knows an email can use them up, so a limit on accounts is also a way to keep
 * their owner out. Hence twice what one address may try: one address alone never gets there. Hence also GCRA: an attacker with
 * many addresses must keep at it, since an attempt comes back every six minutes and not all of them in a lump; and nobody
 * who is signed in already is signed out. It leaves 240 guesses a day for all the addresses of the world together.
 */
export const ACCOUNT_LIMIT: RateLimitConfig = { limit: 10, window: 3600, keyPrefix: 'rl:login-account:', algorithm: 'gcra' };

/** The names of both policies in the RateLimit fields. */
const NAMES = ['login-address', 'login-account'];

/** The bucket of every caller whose address is not known. */
const UNKNOWN_ADDRESS = 'unknown';

/** What a limit says, as the page shows it. `resetAt` is Unix milliseconds. */
type Shown = Pick<RateLimitResult, 'limit' | 'remaining' | 'resetAt' | 'retryAfterMs' | 'reason' | 'exact' | 'scope'>;

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
 * The caller's address; IPv6 by the network. On Cloudflare there always is one, unless the zone's owner has it removed: then all
 * callers share one bucket. They may be refused too early, but nobody escapes the limit by arriving without an address.
 */
function addressOf(c: Context<AppEnv>): string {
  return clientAddress(c.req.raw) ?? UNKNOWN_ADDRESS;
}

/**
 * What a limit says once an attempt has been taken back: one more is left, and under GCRA all of them are there an interval sooner.
 * Of one that was never counted, what it said.
 */
function withOneMore(result: RateLimitResult, soonerMs: number): RateLimitResult {
  if (result.ticket === undefined) return result;
  return { ...result, remaining: result.remaining + 1, resetAt: result.resetAt - soonerMs };
}

function shown({ limit, remaining, resetAt, retryAfterMs, reason, exact, scope }: RateLimitResult): Shown {
  return { limit, remaining, resetAt, retryAfterMs, reason, exact, scope };
}
