// What Workers KV refuses, in its own words: `KV <OP> failed: <status> <text>` from the service, a TypeError from the runtime
// (workerd src/workerd/api/kv.c++; miniflare src/workers/kv). Clients may rely on the status and never on the text.

export const MAX_KEY_BYTES = 512;
export const MAX_VALUE_BYTES = 26_214_400;
export const MAX_METADATA_BYTES = 1024;
export const MIN_TTL_SECONDS = 60;
export const MIN_CACHE_TTL_SECONDS = 30;
export const MAX_BULK_KEYS = 100;
export const MAX_LIST_KEYS = 1000;
const MAX_INT32 = 2_147_483_647;

export type Operation = 'GET' | 'GET_BULK' | 'PUT' | 'DELETE';

/** A failure as KV reports it. */
export function kvError(operation: Operation, status: number, text: string): Error {
  return new Error(`KV ${operation} failed: ${status} ${text}`);
}

/** Bytes of UTF-8, a lone surrogate counting as the U+FFFD it becomes. */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Checks a key as the runtime does before it sends anything. */
export function checkKey(operation: Operation, key: string): void {
  if (key === '') throw new TypeError('Key name cannot be empty.');
  if (key === '.' || key === '..') throw new TypeError(`"${key}" is not allowed as a key name.`);
  const bytes = utf8Bytes(key);
  if (bytes > MAX_KEY_BYTES) {
    throw kvError(operation, 414, `UTF-8 encoded length of ${bytes} exceeds key length limit of ${MAX_KEY_BYTES}.`);
  }
  if (!key.isWellFormed()) throw kvError(operation, 400, 'Could not URL-decode key name');
}

/** Checks the keys of a bulk read, which the service alone looks at. */
export function checkBulk(keys: readonly string[], type: string): void {
  const refuse = (text: string): Error => kvError('GET_BULK', 400, text);
  if (type !== 'text' && type !== 'json') throw refuse(`"${type}" is not a valid type. Use "json" or "text"`);
  if (keys.length === 0) throw refuse('You must request a minimum of 1 key');
  if (keys.length > MAX_BULK_KEYS) throw refuse(`You can request a maximum of ${MAX_BULK_KEYS} keys`);
  for (const key of keys) {
    if (key === '') throw refuse('Key names must not be empty');
    if (key === '.' || key === '..') throw refuse(`Illegal key name "${key}". Please use a different name.`);
  }
}

/** Checks the `cacheTtl` of a read. */
export function checkCacheTtl(operation: Operation, seconds: number | undefined): void {
  if (seconds === undefined || seconds >= MIN_CACHE_TTL_SECONDS) return;
  throw kvError(operation, 400, `Invalid cache_ttl of ${seconds}. Cache TTL must be at least ${MIN_CACHE_TTL_SECONDS}.`);
}

/** When a value ends, in Unix seconds, or never. `ttl` and `expiration` are seconds as given; a fraction is cut off. */
export function expirationOf(ttl: number | undefined, expiration: number | undefined, nowMs: number): number | undefined {
  if (ttl !== undefined) return Math.floor(nowMs / 1000) + checkedTtl(int32(ttl));
  if (expiration !== undefined) return checkedExpiration(int32(expiration), nowMs);
  return undefined;
}

function int32(value: number): number {
  if (!Number.isFinite(value)) return 0;
  if (Math.abs(value) > MAX_INT32) {
    throw new TypeError(`Value out of range. Must be between -2147483648 and ${MAX_INT32} (inclusive).`);
  }
  return Math.trunc(value);
}

function checkedTtl(ttl: number): number {
  const refuse = (text: string): Error => kvError('PUT', 400, `Invalid expiration_ttl of ${ttl}. ${text}`);
  if (ttl <= 0) throw refuse('Please specify integer greater than 0.');
  if (ttl < MIN_TTL_SECONDS) throw refuse(`Expiration TTL must be at least ${MIN_TTL_SECONDS}.`);
  return ttl;
}

function checkedExpiration(expiration: number, nowMs: number): number {
  const nowSeconds = Math.floor(nowMs / 1000);
  const refuse = (text: string): Error => kvError('PUT', 400, `Invalid expiration of ${expiration}. ${text}`);
  if (expiration <= nowSeconds) {
    throw refuse('Please specify integer greater than the current number of seconds since the UNIX epoch.');
  }
  if (expiration < nowSeconds + MIN_TTL_SECONDS) {
    throw refuse(`Expiration times must be at least ${MIN_TTL_SECONDS} seconds in the future.`);
  }
  return expiration;
}

/** Checks a value and its metadata as the service does. */
export function checkValue(value: string, metadata: string | undefined): void {
  const metadataBytes = metadata === undefined ? 0 : utf8Bytes(metadata);
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw kvError('PUT', 413, `Metadata length of ${metadataBytes} exceeds limit of ${MAX_METADATA_BYTES}.`);
  }
  const bytes = utf8Bytes(value);
  if (bytes > MAX_VALUE_BYTES) throw kvError('PUT', 413, `Value length of ${bytes} exceeds limit of ${MAX_VALUE_BYTES}.`);
}
