export { RateLimitAuthority } from './rate-limit-authority.js';
export { SessionRegistry } from './session-registry.js';
