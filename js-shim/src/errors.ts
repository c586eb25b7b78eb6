/**
 * Why a call failed. The set is closed.
 *
 * | code | meaning | what to do |
 * |---|---|---|
 * | `invalid-argument` | an argument can never work | fix the call |
 * | `invalid-config` | a limit, window, prefix or option is out of range | fix the configuration |
 * | `key-too-long` | a key that may not be shortened exceeds KV's 512 bytes | use a shorter one |
 * | `value-too-large` | the JSON text exceeds KV's 25 MiB | keep the value elsewhere and cache its address |
 * | `store-unavailable` | KV failed, or did not answer within `storeTimeoutMs` | try again later; the operation may have been done |
 * | `store-rate-limited` | KV answered 429: the key was written less than a second ago | try again in a second |
 * | `not-supported` | this store or runtime lacks what the call needs | see the message |
 * | `aborted` | the call outlived its slot, its time or its operations | repeat it |
 * | `core-failed` | the WebAssembly instance trapped and was replaced | repeat it |
 */
export type ErrorCode =
  | 'invalid-argument'
  | 'invalid-config'
  | 'key-too-long'
  | 'value-too-large'
  | 'store-unavailable'
  | 'store-rate-limited'
  | 'not-supported'
  | 'aborted'
  | 'core-failed';

/**
 * The one error the clients throw. The message says what to do; it never holds a key, a token, an identifier or a value.
 */
export class KVClientError extends Error {
  /** Why; see {@link ErrorCode}. */
  readonly code: ErrorCode;
  readonly #remaining: readonly string[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; remaining?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'KVClientError';
    this.code = code;
    this.#remaining = options.remaining ?? [];
  }

  /** Of a delete or an `invalidateTags` that failed: the keys or tags to try again. Not shown when the error is logged. */
  get remaining(): readonly string[] {
    return this.#remaining;
  }
}

const FAILURES: Partial<Record<ErrorCode, string>> = {
  'store-unavailable': 'KV failed or did not answer in time; what was asked may or may not have been done: try again',
  'store-rate-limited': 'KV answered 429: this key was written less than a second ago; try again in a second',
  aborted: 'the call outlived its slot (its request was taken for dead) or its operations: repeat it',
  'core-failed': 'the WebAssembly core trapped and was replaced: repeat the call',
};

/** The error of a call that must not fail silently. */
export function storeFailure(op: string, code: ErrorCode, remaining: readonly string[] = [], cause?: unknown): KVClientError {
  return new KVClientError(code, `${op}: ${FAILURES[code] ?? code}`, { remaining, cause });
}
