import type { RateLimitConfig } from './rate-limit-config.js';

const MINUTE = 60;
const HOUR = 3600;

/** The platform's limits: attempts (`limit`) per `window`, in seconds, and the prefix of their counters' keys. */
export const RATE_LIMITS: {
  /** 5 attempts in 15 minutes, by address. */
  readonly login: Readonly<RateLimitConfig>;
  /** 3 attempts an hour, by address. */
  readonly register: Readonly<RateLimitConfig>;
  /** 3 requests an hour, by address. */
  readonly passwordReset: Readonly<RateLimitConfig>;
  /** 5 resends an hour, by address. */
  readonly verifyEmail: Readonly<RateLimitConfig>;
  /** 100 requests a minute, by address. */
  readonly api: Readonly<RateLimitConfig>;
  /** 10 uploads an hour, by user. */
  readonly upload: Readonly<RateLimitConfig>;
} = {
  login: { limit: 5, window: 15 * MINUTE, keyPrefix: 'rl:login:' },
  register: { limit: 3, window: HOUR, keyPrefix: 'rl:register:' },
  passwordReset: { limit: 3, window: HOUR, keyPrefix: 'rl:password-reset:' },
  verifyEmail: { limit: 5, window: HOUR, keyPrefix: 'rl:verify-email:' },
  api: { limit: 100, window: MINUTE, keyPrefix: 'rl:api:' },
  upload: { limit: 10, window: HOUR, keyPrefix: 'rl:upload:' },
};
