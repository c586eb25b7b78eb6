export { CacheClient, type CacheOptions, type Explanation, type Lookup } from './cache.js';
export type { DeletedMany } from './cache-batch.js';
export type { EntryState } from './cache-entries.js';
export { CACHE_TTL, cacheKeys } from './cache-keys.js';
export { type ErrorCode, KVClientError } from './errors.js';
export type { ClientEvent, Outcome } from './events.js';
export type { EntryOptions, GetOrSetOptions } from './cache-options.js';
export type { DeleteByPrefixOptions, DeletedPrefix } from './cache-prefix.js';
export type { ClientOptions } from './options.js';
export {
  type RateLimitConfig,
  RateLimiterClient,
  type RateLimiterOptions,
  type RateLimitReason,
  type RateLimitResult,
} from './rate-limiter.js';
export { RATE_LIMITS } from './rate-limits.js';
export {
  type CachedSession,
  SessionCacheClient,
  type SessionCacheOptions,
  type SessionInput,
  type UserRevocation,
} from './session-cache.js';
export type { KVLike, KVPutOptions } from './store.js';
export type { StandardSchemaV1, Validate } from './validation.js';
