import type { Call } from './call.js';
import { Caller, checkString, jsonTextOf, readArgument } from './caller.js';
import { type Ending, endingIn, lostEnding, namesOf } from './codes.js';
import { enums } from './core.js';
import { storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import { type ClientOptions, inRange } from './options.js';
import { sessionFactsOf, writeSessionFacts } from './session-facts.js';
import type { KVLike } from './store.js';

/** A session and its user, as they are cached. Fields beyond these survive a round trip. */
export interface CachedSession {
  session: {
    id: string;
    userId: string;
    token: string;
    /** ISO 8601. A `Date` is accepted by `set` and comes back as its ISO string. */
    expiresAt: string;
    ipAddress?: string;
    userAgent?: string;
    createdAt?: string;
    updatedAt?: string;
    impersonatedBy?: string | null;
    activeOrganizationId?: string | null;
  };
  user: {
    id: string;
    email: string;
    name: string;
    role: 'customer' | 'owner' | 'creator';
    emailVerified: boolean;
  };
}

/** A session as `set` takes it: dates may still be `Date`s, and what is unknown null, as databases return them. */
export type SessionInput = Omit<CachedSession, 'session'> & {
  session: Omit<CachedSession['session'], 'expiresAt' | 'createdAt' | 'updatedAt' | 'ipAddress' | 'userAgent'> & {
    ipAddress?: string | null;
    userAgent?: string | null;
    expiresAt: string | Date;
    createdAt?: string | Date;
    updatedAt?: string | Date;
  };
};

/** Options of {@link SessionCacheClient}. */
export interface SessionCacheOptions extends ClientOptions {
  /** Seconds KV keeps a session at most, and remembers a revocation: 60 to 34,560,000 (400 days). Default 30 days. */
  maxSessionSeconds?: number;
  /**
   * Milliseconds: the age (since it was stored) of the oldest copy that a read accepts, and so the hard bound on how long a
   * revocation can go unnoticed: 1 to 34,560,000,000 (400 days). Default one hour. On a store without metadata ages are unknown
   * and not bounded.
   */
  maxStaleMs?: number;
}

/** What `deleteUserSessions` did. */
export interface UserRevocation {
  /** Unix milliseconds: every copy stored up to then is void. Two seconds ahead, against clocks that differ. */
  revokedBefore: number;
  /** Session keys deleted. */
  deleted: number;
  /** Whether nothing is left to do. */
  complete: boolean;
  /** The usual figure after which no place accepts those copies any more. KV itself promises "60 seconds or more". */
  effectiveWithinMs: number;
  /** Whether `effectiveWithinMs` is a promise: on KV alone it is not, and `maxStaleMs` is the bound. */
  bounded: boolean;
}

const DAY_SECONDS = 86_400;
const DEFAULT_MAX_SESSION_SECONDS = 30 * DAY_SECONDS;
const LONGEST_SECONDS = 400 * DAY_SECONDS;
const DEFAULT_MAX_STALE_MS = 3_600_000;
/** The `cacheTtl` of watermarks, 30 s, and the 60 s that KV usually takes to show a write elsewhere. */
const USUAL_PROPAGATION_MS = 90_000;

const endingOf = endingIn(namesOf(enums.SessionOutcome));

/**
 * Caches authenticated sessions in KV, so that most requests need no database.
 *
 * ```ts
 * const sessions = new SessionCacheClient(env.AUTH_SESSION_KV);
 * const cached = await sessions.get(token);
 * ```
 *
 * A session is shown only while it is valid by its own `expiresAt`, is the presented token's, and was stored after the user's
 * last revocation. Everything else is a miss, which the database answers.
 */
export class SessionCacheClient {
  readonly #caller: Caller;
  readonly #maxSessionSeconds: number;
  readonly #maxStaleMs: number;

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: SessionCacheOptions = {}) {
    this.#caller = new Caller(kv, 'session', 'SessionCacheClient', options);
    this.#maxSessionSeconds = inRange(
      options.maxSessionSeconds ?? DEFAULT_MAX_SESSION_SECONDS,
      'maxSessionSeconds',
      60,
      LONGEST_SECONDS,
    );
    this.#maxStaleMs = inRange(options.maxStaleMs ?? DEFAULT_MAX_STALE_MS, 'maxStaleMs', 1, LONGEST_SECONDS * 1000);
  }

  /**
   * Gets a cached session, or null.
   *
   * Null means "ask the database": the session is absent, expired, revoked, malformed, too old, or the store failed. A string that cannot
   * be a key (empty, above 504 bytes, lone surrogates) is nobody's session and costs nothing. Throws `invalid-argument` for what
   * is no string, and nothing else. Cost: 2 KV reads for a hit, 1 for a session that is not there. Consistency: KV's; a
   * session stored or deleted elsewhere shows after usually a minute.
   */
  async get(sessionToken: string): Promise<CachedSession | null> {
    checkString(sessionToken, 'get', 'sessionToken');
    const call = this.#caller.begin();
    const ending = await this.#run(call, 'get', (instance) =>
      instance.exports.getSession(instance.write(sessionToken), this.#maxSessionSeconds, this.#maxStaleMs),
    );
    return ending.outcome === 'hit' ? (call.session as CachedSession) : null;
  }

  /**
   * Caches a session until it expires: at least KV's 60 seconds (`get` heeds `expiresAt`, not KV), at most
   * `maxSessionSeconds`. One that has expired is deleted instead.
   *
   * Throws `key-too-long` for a token above 504 bytes and `invalid-argument` before any I/O where the record breaks its format, its token is not `sessionToken`, or its two
   * user ids differ, and `value-too-large` above 25 MiB. A store failure is an event, not an error: the next `get` misses.
   * Cost: 1 KV write, or 1 delete. `get` in the same place usually sees it at once.
   */
  async set(sessionToken: string, data: SessionInput): Promise<void> {
    checkString(sessionToken, 'set', 'sessionToken');
    const call = this.#caller.begin();
    call.payload = jsonTextOf(data, 'set');
    const facts = readArgument('set', 'the session', () => sessionFactsOf(data));
    await this.#run(call, 'set', (instance) => {
      const presented = instance.write(sessionToken);
      const { wellTyped, token, sessionUserId, userId, expiresAt, role } = writeSessionFacts(instance, facts);
      // biome-ignore format: the token, the facts, the bounds
      return instance.exports.setSession(
        presented,
        wellTyped, token, sessionUserId, userId, expiresAt, role,
        this.#maxSessionSeconds, this.#maxStaleMs,
      );
    });
  }

  /**
   * Forgets a session, on logout.
   *
   * Rejects with `store-unavailable`, `store-rate-limited`, `aborted` or `core-failed` where the session may still be cached:
   * try again, or end it in the database, which bounds it by `maxStaleMs`. Cost: 1 KV delete. Other places may show it for
   * usually another minute.
   */
  async delete(sessionToken: string): Promise<void> {
    checkString(sessionToken, 'delete', 'sessionToken');
    const call = this.#caller.begin();
    const ending = await this.#run(call, 'delete', (instance) => instance.exports.deleteSession(instance.write(sessionToken)));
    if (ending.error !== undefined) throw storeFailure('delete', ending.error);
  }

  /**
   * Voids every cached session of a user, after a password change: in this isolate at once, elsewhere when KV shows the
   * user's watermark. Sessions set afterwards count.
   *
   * Throws `invalid-argument` for an empty `userId`. Rejects like {@link delete} where the revocation was not recorded: then
   * it must be repeated. Cost: 1 KV write.
   */
  async deleteUserSessions(userId: string): Promise<UserRevocation> {
    checkString(userId, 'deleteUserSessions', 'userId');
    const call = this.#caller.begin();
    let revokedBefore = 0;
    const ending = await this.#run(call, 'deleteUserSessions', (instance) => {
      const state = instance.exports.revokeUser(instance.write(userId), this.#maxSessionSeconds, this.#maxStaleMs);
      revokedBefore = instance.reply()[enums.Field.RevokedBefore] as number;
      return state;
    });
    if (ending.error !== undefined) throw storeFailure('deleteUserSessions', ending.error);
    return { revokedBefore, deleted: 0, complete: true, effectiveWithinMs: USUAL_PROPAGATION_MS, bounded: false };
  }

  async #run(call: Call, op: string, begin: (instance: Instance) => number): Promise<Ending> {
    const ending = await call.run({ op, begin, end: endingOf, lost: lostEnding }, undefined);
    this.#caller.report(call, op, ending.outcome, call.kvReads + call.kvWrites > 0 ? 'kv' : 'none', ending.error);
    return ending;
  }
}
