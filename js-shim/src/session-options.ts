import type { ClientOptions } from './options.js';
import type { RegistryNamespace } from './registry-object.js';

/** Options of {@link SessionCacheClient}. */
export interface SessionCacheOptions extends ClientOptions {
  /**
   * Keeps no token in KV: the key is `session:h:` and the token's SHA-256, and the stored value does without it. Sessions stored under
   * their tokens are still found, at the price of one key read more for a miss. Default false.
   */
  hashTokens?: boolean;
  /** The binding of `SessionRegistry` (`/durable-objects`): revocations are recorded there first, and strict reads ask it. */
  registry?: RegistryNamespace;
  /** Whether every read asks the registry. Default false. */
  strict?: boolean;
  /**
   * Seconds KV keeps a session at most, and remembers a revocation: 60 to 34,560,000 (400 days). Default 30 days. The same for every
   * client of a namespace, or a revocation may be forgotten before a session.
   */
  maxSessionSeconds?: number;
  /**
   * Milliseconds: the age of the oldest copy that a read accepts, from when the database was asked, and so the hard bound on how long a
   * revocation can go unnoticed: 1 to 34,560,000,000 (400 days). Default one hour. On a store without metadata ages are unknown
   * and not bounded.
   */
  maxStaleMs?: number;
  /** Seconds from one `touch` that writes to the next: 0 to 34,560,000. Default one hour. */
  touchIntervalSeconds?: number;
  /** Seconds after its `createdAt` beyond which no `touch` puts off a session's end. Default none. */
  absoluteSeconds?: number;
}

/** What a read may ask for itself. */
export interface SessionReadOptions {
  /** Whether to ask the registry. Default: what the client was given. */
  strict?: boolean;
  /** The oldest copy accepted, in milliseconds. Default: what the client was given. */
  maxStaleMs?: number;
}

/** When what a revocation voids is accepted nowhere any more. */
export interface RevocationEffect {
  /**
   * Milliseconds: 0 where this client's reads are strict; else the usual figure, what memories may still hold, the 30 s that KV's
   * edge may keep a watermark, and the 60 s it usually takes to show a write elsewhere. KV itself promises "60 seconds or more".
   */
  effectiveWithinMs: number;
  /** Whether that is a promise: on KV alone it is not, and `maxStaleMs` is the bound. */
  bounded: boolean;
}

/** What `deleteUserSessions` did. */
export interface UserRevocation extends RevocationEffect {
  /** Unix milliseconds: every copy loaded up to then is void. Two seconds ahead, against clocks that differ, and past what was revoked before. */
  revokedBefore: number;
  /** Sessions whose copy and index entry were deleted. */
  deleted: number;
  /** Whether none is left to delete. False where the store cannot list. What is left is void all the same. */
  complete: boolean;
  /** Where to go on deleting; absent where there is nothing to go on with. */
  cursor?: string;
}
