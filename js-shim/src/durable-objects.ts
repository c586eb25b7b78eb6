export { AuthCounters } from './auth-counters.js';
export { RateLimitAuthority } from './rate-limit-authority.js';
export { SessionRegistry } from './session-registry.js';
