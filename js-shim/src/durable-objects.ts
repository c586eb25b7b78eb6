export { RateLimitAuthority } from './rate-limit-authority.js';
