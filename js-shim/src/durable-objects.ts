export { AuthCounters } from './auth-counters.js';
export { RateLimitAuthority } from './rate-limit-authority.js';
