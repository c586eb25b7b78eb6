export { CacheClient, type CacheOptions, type Explanation, type Lookup } from './cache.js';
export type { DeletedMany } from './cache-batch.js';
export type { EntryState } from './cache-entries.js';
export { CACHE_TTL, cacheKeys } from './cache-keys.js';
export { type AddressOptions, clientAddress, normalizeAddress } from './client-address.js';
export { type ErrorCode, KVClientError } from './errors.js';
export type { ClientEvent, Outcome } from './events.js';
export type { EntryOptions, GetOrSetOptions } from './cache-options.js';
export type { DeleteByPrefixOptions, DeletedPrefix } from './cache-prefix.js';
export { type KVOperation, monitored } from './monitored.js';
export type { ClientOptions } from './options.js';
export type { RateLimitAlgorithm, RateLimitConfig } from './rate-limit-config.js';
export type { RateLimitReason, RateLimitResult, RateLimitTicket } from './rate-limit-result.js';
export { rateLimitHeaders, type TooManyRequestsInit, tooManyRequests } from './rate-limit-response.js';
export {
  type RateLimitCheck,
  RateLimiterClient,
  type RateLimiterOptions,
  type RateLimitResults,
} from './rate-limiter.js';
export { RATE_LIMITS } from './rate-limits.js';
export type { Counts, KVOperations } from './meter.js';
export { type Stats, stats } from './stats.js';
export type { RegistryNamespace } from './registry-object.js';
export type { CachedSession, SessionInput } from './cached-session.js';
export { SessionCacheClient } from './session-cache.js';
export type { SessionInfo } from './session-index.js';
export type { RevocationEffect, SessionCacheOptions, SessionReadOptions, UserRevocation } from './session-options.js';
export type { KVLike, KVPutOptions } from './store.js';
export type { StandardSchemaV1, Validate } from './validation.js';
