import * as SessionName from './codex-core.session-name.js';
import * as TokenForm from './codex-core.token-form.js';
import type { CachedSession, SessionInput } from './cached-session.js';
import { optionsOf } from './cache-options.js';
import type { Call, Steps } from './call.js';
import { Caller, checkString, readArgument } from './caller.js';
import { type Ending, lostEnding } from './codes.js';
import { KVClientError } from './errors.js';
import type { Instance } from './instance.js';
import { inRange } from './options.js';
import { Recent } from './recent.js';
import { RegistryObjects } from './registry-object.js';
import type { Remembered } from './remembered.js';
import { NO_STAMPS, type SessionStamps } from './session-facts.js';
import { DIGEST_UNITS, PAGE_SESSIONS, SessionIndex, type SessionInfo } from './session-index.js';
import { isLoading, loadOf, loadSession, supersedeSession } from './session-load.js';
import { nameSession } from './session-names.js';
import type { RevocationEffect, SessionCacheOptions, SessionReadOptions, UserRevocation } from './session-options.js';
import { type Asked, READING, report } from './session-reads.js';
import { SessionRevoker } from './session-revoker.js';
import { earliest, SessionWriter } from './session-writer.js';
import type { KVLike } from './store.js';
import { insistedOnce } from './write-governor.js';

const DAY_SECONDS = 86_400;
const DEFAULT_MAX_SESSION_SECONDS = 30 * DAY_SECONDS;
const LONGEST_SECONDS = 400 * DAY_SECONDS;
const DEFAULT_MAX_STALE_MS = 3_600_000;
const DEFAULT_TOUCH_INTERVAL_SECONDS = 3600;
/** The `cacheTtl` of watermarks, 30 s, and the 60 s that KV usually takes to show a write elsewhere. */
const USUAL_PROPAGATION_MS = 90_000;

const DEFAULT_LISTED = 50;
/** Sessions of which is remembered when they were touched last, and what was set last. */
const REMEMBERED = 1000;
/** When each was, by store and token: clients may be made for each request. */
const touches = new Recent<number>(REMEMBERED);
/**
 * What was set last of a session, by store and token, while it may have to be tried again. Of requests that have died some stay; whose
 * turn is forgotten is not tried again.
 */
const latest = new Recent<object>(REMEMBERED);

/** A session that was read, and what that has cost. */
interface Read {
  readonly ending: Ending;
  readonly call: Call;
  /** Who had the last word, where that was not KV. */
  readonly source?: 'authority';
}

/**
 * Caches authenticated sessions in KV, so that most requests need no database.
 *
 * ```ts
 * const sessions = new SessionCacheClient(env.AUTH_SESSION_KV);
 * const session = await sessions.getOrLoad(token, () => loadFromDatabase(token));
 * ```
 *
 * A copy is shown only while it is valid by its own `expiresAt`, is the presented token's, was loaded after the last revocation of its
 * user's sessions and of itself, and no longer than `maxStaleMs` ago. Everything else is a miss, which the database answers. So
 * a revocation never logs out whom the database still knows.
 */
export class SessionCacheClient {
  readonly #caller: Caller;
  readonly #form: number;
  readonly #registry: RegistryObjects | undefined;
  readonly #strict: boolean;
  readonly #maxStaleMs: number;
  readonly #touchIntervalMs: number;
  readonly #writer: SessionWriter;
  readonly #revoker: SessionRevoker;

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: SessionCacheOptions = {}) {
    this.#caller = new Caller(kv, 'session', 'SessionCacheClient', options);
    const { hashTokens, registry, maxSessionSeconds, maxStaleMs, touchIntervalSeconds, absoluteSeconds } = options;
    this.#form = hashTokens === true ? TokenForm.Hashed : TokenForm.Plain;
    this.#registry = registry === undefined ? undefined : new RegistryObjects(registry, this.#caller.store.timeoutMs);
    this.#strict = options.strict === true;
    if (this.#strict && this.#registry === undefined) throw new KVClientError('invalid-config', NO_REGISTRY);
    const longest = inRange(maxSessionSeconds ?? DEFAULT_MAX_SESSION_SECONDS, 'maxSessionSeconds', 60, LONGEST_SECONDS);
    this.#maxStaleMs = inRange(maxStaleMs ?? DEFAULT_MAX_STALE_MS, 'maxStaleMs', 1, LONGEST_SECONDS * 1000);
    this.#ask = this.#asking(this.#maxStaleMs);
    const given = touchIntervalSeconds ?? DEFAULT_TOUCH_INTERVAL_SECONDS;
    const interval = inRange(given, 'touchIntervalSeconds', 0, LONGEST_SECONDS);
    this.#touchIntervalMs = interval * 1000;
    this.#writer = new SessionWriter(this.#caller, this.#form, {
      maxSessionSeconds: longest,
      touchIntervalSeconds: interval,
      absoluteSeconds:
        absoluteSeconds === undefined ? Number.NaN : inRange(absoluteSeconds, 'absoluteSeconds', 1, Number.MAX_SAFE_INTEGER),
    });
    this.#revoker = new SessionRevoker(this.#caller, this.#registry, longest);
  }

  /**
   * Gets a cached session, or null.
   *
   * Null means "ask the database": the session is absent, expired, revoked, malformed, too old, or the store or the registry failed. A
   * string that cannot be a key (empty, above 504 bytes, lone surrogates) is nobody's session and costs nothing. Throws
   * `invalid-argument` for what is no string and for options that can never work, and nothing else. Cost: 3 KV keys read for a hit, in two
   * operations, or in one where this isolate has seen the session lately; 2 for a session that is not there; and for a hit 2
   * requests to objects where strict. Consistency: KV's; a session stored or revoked elsewhere shows after usually a minute, strict reads see
   * every revocation at once.
   */
  get(sessionToken: string, options?: SessionReadOptions): Promise<CachedSession | null> {
    return this.#get('get', sessionToken, options);
  }

  /**
   * Gets a session from the cache, or from `loader`, and caches what that gave: a session, or null, which is not cached. Whoever wants the
   * same session meanwhile, in whatever request of the isolate, waits for that load and gets a copy of its own; a load that has not
   * ended after two seconds is taken for dead and done again.
   *
   * What the loader throws is thrown to all of them. Nothing the cache does fails the request: what it cannot answer the loader does,
   * and what cannot be stored, a session of another token included, is answered all the same. Throws `invalid-argument` before any I/O
   * for arguments that can never work. Cost: that of `get`, and after a load 2 KV writes, which go on after the answer where the
   * runtime allows it.
   */
  async getOrLoad(
    sessionToken: string,
    loader: () => Promise<SessionInput | null> | SessionInput | null,
    options?: SessionReadOptions,
  ): Promise<CachedSession | null> {
    if (typeof loader !== 'function') throw new KVClientError('invalid-argument', 'getOrLoad: loader must be a function');
    const chosen = options === undefined ? undefined : optionsOf(options, 'getOrLoad');
    const nested = isLoading(this.#caller, sessionToken);
    // Who must see every revocation cannot do with a load that may have begun before the last one.
    const older = (chosen?.strict ?? this.#strict) ? loadOf(this.#caller, sessionToken) : undefined;
    const found = await this.#get('getOrLoad', sessionToken, chosen);
    if (found !== null) return found;
    const loaded = await loadSession({
      caller: this.#caller,
      token: sessionToken,
      nested,
      older,
      load: loader,
      store: (session, loadedAt) => this.#writer.keepLoaded(sessionToken, session as SessionInput, loadedAt),
    });
    return loaded as CachedSession | null;
  }

  /**
   * Caches a session until it expires: at least KV's 60 seconds (`get` heeds `expiresAt`, not KV), at most
   * `maxSessionSeconds`. One that has expired is deleted instead. `loadedAt` is when the database was asked for it, in Unix milliseconds,
   * taken before; by default now, or just after the last revocation that this isolate knows of, which suits a login. A copy loaded before
   * that revocation is not stored.
   *
   * Throws `key-too-long` for a token above 504 bytes and `invalid-argument` before any I/O where the record breaks its format, its
   * token is not `sessionToken`, or its two user ids differ, and `value-too-large` above 25 MiB. A store failure is an event, not an
   * error: the next `get` finds what stood there before, or misses. What KV refuses because it had a write of the session within the
   * second is tried once more a second later, unless something else is set meanwhile. Cost: 2 KV writes or 2 deletes, 1 where the
   * store cannot list and needs no index; each try counts. `get` in the same place usually sees it at once.
   */
  async set(sessionToken: string, data: SessionInput, options?: { loadedAt?: number }): Promise<void> {
    checkString(sessionToken, 'set', 'sessionToken');
    const loadedAt = readArgument('set', 'the options', () => options?.loadedAt);
    if (loadedAt !== undefined) inRange(loadedAt, 'set: loadedAt', 0, Number.MAX_SAFE_INTEGER, 'invalid-argument');
    const now = this.#caller.now();
    let stamps = loadedAt === undefined ? NO_STAMPS : { ...NO_STAMPS, l: Math.min(Math.floor(loadedAt), now) };
    const id = this.#idOf(sessionToken);
    const mine = {};
    latest.set(id, mine);
    const storing = insistedOnce(async () => {
      if (latest.get(id) !== mine) return { outcome: 'skipped', error: undefined };
      const call = this.#caller.begin();
      const ending = await this.#writer.store(call, 'set', sessionToken, data, stamps);
      report(this.#caller, call, 'set', ending);
      return ending;
    });
    // What has to be tried again is no newer than it was.
    if (loadedAt === undefined) stamps = { ...NO_STAMPS, l: now };
    supersedeSession(this.#caller, sessionToken);
    try {
      await storing;
    } finally {
      if (latest.get(id) === mine) latest.delete(id);
    }
  }

  /**
   * Puts off the end of a cached session, as it is used: where the last time was `touchIntervalSeconds` ago, the new end is later, and
   * up to `absoluteSeconds` after its `createdAt`. True where that was written. The copy is as old as before: `maxStaleMs` still
   * has the database asked.
   *
   * Throws `invalid-argument` before any I/O for a date that is none. A store failure is an event and false. Cost: that of `get`, and 2
   * KV writes. Two places that touch at once may both write.
   */
  async touch(sessionToken: string, expiresAt: string | Date): Promise<boolean> {
    checkString(sessionToken, 'touch', 'sessionToken');
    const wantedMs = readArgument('touch', 'expiresAt', () =>
      expiresAt instanceof Date ? expiresAt.getTime() : Date.parse(expiresAt),
    );
    if (Number.isNaN(wantedMs))
      throw new KVClientError('invalid-argument', 'touch: expiresAt must be an ISO 8601 string or a Date');
    const id = this.#idOf(sessionToken);
    const touched = touches.get(id);
    const now = this.#caller.now();
    if (touched !== undefined && now - touched < this.#touchIntervalMs) {
      this.#caller.report(this.#caller.begin(), 'touch', 'skipped', 'none');
      return false;
    }
    const { call, ending } = await this.#read('touch', sessionToken, undefined);
    if (ending.outcome !== 'hit') {
      report(this.#caller, call, 'touch', ending);
      return false;
    }
    const session = call.session as CachedSession;
    const rolling = { wantedMs, createdMs: Date.parse(String(session.session.createdAt)) };
    const rolled = await this.#writer.store(call, 'touch', sessionToken, session, call.stamps, rolling);
    report(this.#caller, call, 'touch', rolled);
    if (rolled.outcome !== 'stored') return false;
    touches.set(id, now);
    return true;
  }

  /**
   * Ends a session, on logout: a fence voids every copy loaded before, here at once and elsewhere when KV shows it, also one that
   * is being loaded just now; then the copy and its index entry are deleted.
   *
   * Rejects with `store-unavailable`, `store-rate-limited`, `aborted` or `core-failed` where that was not recorded: then repeat it. What KV
   * refuses because it had a write of that fence within the second is tried once more a second later. Cost: 1 KV write and 2 deletes,
   * and 1 read where this isolate has not seen the session lately; with a registry 1 request to an object.
   */
  async delete(sessionToken: string): Promise<void> {
    checkString(sessionToken, 'delete', 'sessionToken');
    await this.#revoker.deleteSession('delete', sessionToken, this.#form, '');
  }

  /**
   * Ends a session of a user by the `id` that `list` shows. False where the user has none of that id.
   *
   * Rejects as `delete` and `list` do. Cost: 1 KV list for each 1,000 sessions of the user, 1 read, 1 write and 2 deletes.
   */
  async deleteSession(userId: string, id: string): Promise<boolean> {
    const op = 'deleteSession';
    checkString(id, op, 'id');
    const found = await (await this.#indexOf(op, userId)).find(id);
    if (found === null) return false;
    await this.#revoker.deleteSession(op, found.value, found.form === TokenForm.Plain ? this.#form : found.form, userId);
    return true;
  }

  /**
   * Ends every session of a user, after a password change: a watermark voids every copy loaded before, here at once and elsewhere when KV
   * shows it, also those being loaded just now; sessions set afterwards count. Then what the user's index lists is deleted, up to 400 of
   * them; with the `cursor` a further call goes on with that and with nothing else. `except` is the token of a session that
   * stays: its copy goes on to count.
   *
   * Throws `invalid-argument` for an empty `userId` and a cursor that is none. Rejects like {@link delete} where the revocation was not
   * recorded: then it must be repeated. What could not be deleted is void, and `complete` is false. Cost: 1 KV write; then for each 100
   * sessions 1 list and 2 reads of each, and 2 deletes for each; with `except` 3 keys read and 2 written more; with a registry 1
   * request to an object, and with both 2 more.
   */
  async deleteUserSessions(userId: string, options?: { except?: string; cursor?: string }): Promise<UserRevocation> {
    const op = 'deleteUserSessions';
    const { except, cursor } = optionsOf(options, op);
    if (except !== undefined) checkString(except, op, 'except');
    const resumed = cursor === undefined ? undefined : cursorOf(cursor);
    // What of the exempt session was good before the revocation stays so, and nothing that was not.
    const strict = this.#registry !== undefined;
    const kept = except === undefined || resumed !== undefined ? undefined : await this.#read(op, except, { strict });
    if (kept !== undefined) report(this.#caller, kept.call, op, kept.ending, kept.source);
    const revokedBefore = resumed?.revokedBefore ?? (await this.#revoker.revokeUser(op, userId));
    if (except !== undefined && kept?.ending.outcome === 'hit') {
      await this.#writer.spare(except, userId, kept.call.session as CachedSession, kept.call.stamps, revokedBefore);
    }
    const fence = except === undefined ? undefined : await nameSession(this.#caller, op, SessionName.Fence, except);
    const index = await this.#indexOf(op, userId);
    const swept = await index.sweep(revokedBefore, fence?.name.slice(-DIGEST_UNITS) ?? '', resumed?.from ?? '');
    return { revokedBefore, ...swept, ...this.#effect() };
  }

  /**
   * Has every cached copy of a user's sessions read anew from the database, after a change of role or a ban. Logs nobody out whom the
   * database still knows. Throws, rejects and costs as {@link deleteUserSessions} does, without the index.
   */
  async invalidateUser(userId: string): Promise<RevocationEffect> {
    await this.#revoker.revokeUser('invalidateUser', userId);
    return this.#effect();
  }

  /**
   * Lists sessions of a user that have not ended, as the index has them; `limit` of them are looked at at once, 1 to 100, 50 by default.
   * KV shows what was stored or deleted elsewhere usually within a minute.
   *
   * Throws `invalid-argument` for an empty `userId` and options that can never work. Rejects with `not-supported` where the store cannot
   * list and `store-unavailable` where it fails. Cost: 1 KV list, and 2 keys read for each session.
   */
  async list(
    userId: string,
    options?: { limit?: number; cursor?: string },
  ): Promise<{ sessions: SessionInfo[]; cursor?: string }> {
    const op = 'list';
    const { limit = DEFAULT_LISTED, cursor } = optionsOf(options, op);
    inRange(limit, `${op}: limit`, 1, PAGE_SESSIONS, 'invalid-argument');
    if (cursor !== undefined) checkString(cursor, op, 'cursor');
    return await (await this.#indexOf(op, userId)).list(userId, Math.floor(limit), cursor);
  }

  /** Not an async function, nor one that waits for one: where nothing but KV is asked, a promise each is what it would cost. */
  #get(op: string, token: string, options: SessionReadOptions | undefined): Promise<CachedSession | null> {
    try {
      checkString(token, op, 'sessionToken');
      const chosen = options === undefined ? undefined : optionsOf(options, op);
      const strict = chosen === undefined ? this.#strict : this.#isStrict(op, chosen);
      if (strict) return this.#getStrictly(op, token, chosen);
      const maxStaleMs = chosen?.maxStaleMs ?? this.#maxStaleMs;
      const recalled = this.#caller.recall(maxStaleMs === this.#maxStaleMs ? this.#ask : this.#asking(maxStaleMs), token);
      if (recalled !== undefined) {
        this.#caller.report(recalled, op, 'hit', 'memory');
        return Promise.resolve((recalled.payload as Remembered).take() as CachedSession);
      }
      return this.#begin(token).run(this.#getting, this.#asked(op, token, maxStaleMs));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #getStrictly(op: string, token: string, options: SessionReadOptions | undefined): Promise<CachedSession | null> {
    const { call, ending, source } = await this.#read(op, token, options);
    return this.#shown(call, op, ending, source);
  }

  readonly #getting: Steps<Asked, CachedSession | null> = {
    op: READING.op,
    begin: READING.begin,
    end: (instance, call, asked) => this.#shown(call, asked.op, READING.end(instance, call, asked)),
    lost: (code, call, { op }) => this.#shown(call, op, lostEnding(code)),
  };

  /** Reports a read that has ended, and gives what it found. */
  #shown(call: Call, op: string, ending: Ending, source?: 'authority'): CachedSession | null {
    report(this.#caller, call, op, ending, source);
    const session = ending.outcome === 'hit' ? (call.session as CachedSession) : null;
    // Last, since a listener may begin a call.
    this.#caller.release(call);
    return session;
  }

  readonly #asking =
    (maxStaleMs: number) =>
    (instance: Instance, token: string, nowMs: number): number => {
      const { store, memoryMs } = this.#caller;
      instance.rewind();
      return instance.exports.recallSession(store.id, instance.write(token), nowMs, memoryMs, maxStaleMs);
    };
  readonly #ask: (instance: Instance, token: string, nowMs: number) => number;

  /** Whether the registry is asked. Throws for options that can never work. */
  #isStrict(op: string, { strict = this.#strict, maxStaleMs = this.#maxStaleMs }: SessionReadOptions): boolean {
    inRange(maxStaleMs, `${op}: maxStaleMs`, 0, LONGEST_SECONDS * 1000, 'invalid-argument');
    if (strict && this.#registry === undefined) throw new KVClientError('invalid-argument', `${op}: ${NO_REGISTRY}`);
    return strict;
  }

  /** Reads a session, from the registry as well where that is wanted. */
  async #read(op: string, token: string, options: SessionReadOptions | undefined): Promise<Read> {
    const maxStaleMs = options?.maxStaleMs ?? this.#maxStaleMs;
    const strict = options === undefined ? this.#strict : this.#isStrict(op, options);
    const call = this.#begin(token);
    const ending = await call.run(READING, this.#asked(op, token, maxStaleMs));
    if (!strict || ending.outcome !== 'hit') return { call, ending };
    const good = await this.#isAccepted(op, token, call.session as CachedSession, call.stamps);
    if (good === true) return { call, ending, source: 'authority' };
    const refused: Ending =
      good === undefined ? { outcome: 'failed', error: 'store-unavailable' } : { outcome: 'miss', error: undefined };
    return { call, ending: refused, source: 'authority' };
  }

  /** Begins a call that reads a session of that token. */
  #begin(token: string): Call {
    const call = this.#caller.begin();
    if (this.#form === TokenForm.Hashed) call.token = token;
    return call;
  }

  /** Names a session in this isolate. */
  #idOf(token: string): string {
    return `${this.#caller.store.id}:${token}`;
  }

  #asked(op: string, token: string, maxStaleMs: number): Asked {
    return { op, token, form: this.#form, maxStaleMs, keeps: this.#caller.memoryMs > 0 };
  }

  async #isAccepted(op: string, token: string, session: CachedSession, stamps: SessionStamps): Promise<boolean | undefined> {
    const [fence, user] = await Promise.all([
      nameSession(this.#caller, op, SessionName.Fence, token),
      nameSession(this.#caller, op, SessionName.Watermark, session.user.id),
    ]);
    return this.#registry?.accepts([
      [fence, earliest(stamps)],
      [user, stamps.l],
    ]);
  }

  async #indexOf(op: string, userId: string): Promise<SessionIndex> {
    checkString(userId, op, 'userId');
    return new SessionIndex(this.#caller, op, (await nameSession(this.#caller, op, SessionName.Index, userId)).name);
  }

  #effect(): RevocationEffect {
    return this.#strict
      ? { effectiveWithinMs: 0, bounded: true }
      : { effectiveWithinMs: USUAL_PROPAGATION_MS + this.#caller.memoryMs, bounded: false };
  }
}

const NO_REGISTRY = 'strict reads need a registry: bind SessionRegistry and pass it to the client';

/** Takes a cursor apart: which revocation it belongs to, and where the index goes on. */
function cursorOf(cursor: unknown): { revokedBefore: number; from: string } {
  checkString(cursor, 'deleteUserSessions', 'cursor');
  const [, before, from] = /^(\d{1,16})\.([\s\S]*)$/.exec(cursor) ?? [];
  if (before !== undefined && from !== undefined) return { revokedBefore: Number(before), from };
  throw new KVClientError('invalid-argument', 'deleteUserSessions: cursor must be one that an earlier call gave');
}
