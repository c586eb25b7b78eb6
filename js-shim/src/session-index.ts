import * as TokenForm from './codex-core.token-form.js';
import * as SessionName from './codex-core.session-name.js';
import { each } from './cache-batch.js';
import type { Caller, Spent } from './caller.js';
import { lostEnding } from './codes.js';
import { KVClientError } from './errors.js';
import { nameSession } from './session-names.js';
import { endingOf } from './session-reads.js';
import { inTime } from './store.js';

/** What the index says of a session of a user. */
interface IndexEntry {
  readonly name: string;
  /** What the names of the session end with: its token, hashed. */
  readonly digest: string;
  /** Unix milliseconds; NaN where it is not known. */
  readonly expiresAt: number;
  readonly id: unknown;
}

/** A session that an index entry leads to. */
interface Copy {
  readonly index: string;
  readonly key: string;
  /** Its JSON text; null where it is gone. */
  readonly text: string | null;
  readonly metadata: unknown;
}

/** A session of a user's, for the user's eyes: it holds no token. */
export interface SessionInfo {
  id: string;
  expiresAt: string;
  createdAt?: string;
  userAgent?: string;
  ipAddress?: string;
}

/** The most keys of one list (developers.cloudflare.com/kv/api/list-keys), and how many lists look for one session. */
const MAX_LISTED = 1000;
const MAX_LISTS = 100;

/** Sessions of one page whose copies are read: KV reads so many keys in bulk. */
export const PAGE_SESSIONS = 100;
/** Pages that one call deletes, of which each takes 3 operations and 2 for each session: Workers allow a request 1,000. */
const PAGES = 4;

/** So many characters of a digest are in a key (`wasm/kv/key.cpp`). */
export const DIGEST_UNITS = 22;

/** The index of a user's sessions. Reads reject with `not-supported` where the store cannot list, and with `store-unavailable`. */
export class SessionIndex {
  readonly #caller: Caller;
  readonly #op: string;
  readonly #prefix: string;
  /** What asking has cost so far. */
  readonly #spent: Spent;

  constructor(caller: Caller, op: string, prefix: string) {
    this.#caller = caller;
    this.#op = op;
    this.#prefix = prefix;
    this.#spent = { beganMs: caller.now(), kvReads: 0, kvWrites: 0, waited: true };
  }

  /** The sessions on a page that have not ended, and where to go on. */
  async list(userId: string, limit: number, from: string | undefined): Promise<{ sessions: SessionInfo[]; cursor?: string }> {
    this.#caller.store.mustList(this.#op);
    return this.#told(this.#list(userId, limit, from), ({ sessions }) => sessions.length > 0);
  }

  async #list(userId: string, limit: number, from: string | undefined): Promise<{ sessions: SessionInfo[]; cursor?: string }> {
    const now = this.#caller.now();
    const { entries, cursor } = await this.#page(limit, from);
    const copies = await this.#copies(entries.filter(({ expiresAt }) => !(expiresAt <= now)));
    const sessions = copies.flatMap(({ text }) => infoIn(text, userId, now));
    return { sessions, ...(cursor === undefined ? {} : { cursor }) };
  }

  /** By what a session of that id is ended: its token, or the hash of it or the beginning of that. */
  async find(id: string): Promise<{ value: string; form: number } | null> {
    this.#caller.store.mustList(this.#op);
    return this.#told(this.#find(id), (found) => found !== null);
  }

  async #find(id: string): Promise<{ value: string; form: number } | null> {
    const wanted = indexedId(id);
    let cursor: string | undefined;
    for (let lists = 0; lists < MAX_LISTS; lists++) {
      const page = await this.#page(MAX_LISTED, cursor);
      const entry = page.entries.find((one) => one.id === wanted);
      if (entry !== undefined) {
        const [value = null] = await this.#read([entry.name]);
        // The entry's key is enough for a fence, which voids the copy wherever it stands. KV may show a key in a list before its value.
        if (value === null) return { value: entry.digest, form: TokenForm.AlreadyHashed };
        const { name } = await nameSession(this.#caller, this.#op, SessionName.Session, value.text, 0, entry.digest);
        const isToken = name.endsWith(`:${value.text}`) && !name.endsWith(`:h:${value.text}`);
        return { value: value.text, form: isToken ? TokenForm.Plain : TokenForm.AlreadyHashed };
      }
      ({ cursor } = page);
      if (cursor === undefined) return null;
    }
    return null;
  }

  /**
   * Deletes what was loaded before a revocation, but the session whose names end with `exempt`, as far as one call goes. Does not reject:
   * what could not be deleted is left for the next call.
   */
  async sweep(
    revokedBefore: number,
    exempt: string,
    from: string,
  ): Promise<{ deleted: number; complete: boolean; cursor?: string }> {
    if (!this.#caller.store.lists) return { deleted: 0, complete: false };
    let cursor: string | undefined = from === '' ? undefined : from;
    let deleted = 0;
    const pages = async (): Promise<boolean> => {
      for (let turned = 0; turned < PAGES; turned++) {
        const page = await this.#page(PAGE_SESSIONS, cursor);
        const copies = await this.#copies(page.entries.filter(({ digest }) => digest !== exempt));
        const revoked = copies.filter(({ metadata }) => !isNewer(metadata, revokedBefore));
        const dropped = await this.#drop(revoked);
        deleted += dropped;
        if (dropped < revoked.length) break;
        ({ cursor } = page);
        if (cursor === undefined) return true;
      }
      return false;
    };
    // Where the index cannot be read, what it lists is void all the same.
    const complete = await this.#told(pages(), () => deleted > 0).catch(() => false);
    if (complete) return { deleted, complete };
    return { deleted, complete, cursor: `${revokedBefore}.${cursor ?? ''}` };
  }

  /** Tells the listener what asking the index came to, and what it cost. */
  async #told<T>(asking: Promise<T>, isThere: (found: T) => boolean): Promise<T> {
    try {
      const found = await asking;
      this.#caller.report(this.#spent, this.#op, isThere(found) ? 'hit' : 'miss', 'kv');
      return found;
    } catch (error) {
      const code = error instanceof KVClientError ? error.code : 'store-unavailable';
      this.#caller.report(this.#spent, this.#op, 'failed', 'kv', code);
      throw error;
    }
  }

  async #page(limit: number, from: string | undefined): Promise<{ entries: IndexEntry[]; cursor: string | undefined }> {
    const { store } = this.#caller;
    const { keys, metadata, cursor } = await inTime(store, this.#op, () => store.list(this.#prefix, limit, from));
    const entries = keys.map((name, at) => {
      const { e, i } = (metadata[at] ?? {}) as { e?: unknown; i?: unknown };
      return { name, digest: name.slice(-DIGEST_UNITS), expiresAt: typeof e === 'number' ? e : Number.NaN, id: i };
    });
    return { entries, cursor };
  }

  /** The sessions that entries lead to. An entry that is gone leads nowhere. */
  async #copies(entries: readonly IndexEntry[]): Promise<Copy[]> {
    const values = await this.#read(entries.map(({ name }) => name));
    const named = await Promise.all(
      entries.map(async ({ name, digest }, at) => {
        const value = values[at]?.text;
        if (value === undefined || value === '') return [];
        return [{ index: name, key: (await nameSession(this.#caller, this.#op, SessionName.Session, value, 0, digest)).name }];
      }),
    );
    const keys = named.flat();
    const found = await this.#read(keys.map(({ key }) => key));
    return keys.map((names, at) => ({ ...names, text: null, metadata: null, ...found[at] }));
  }

  async #read(keys: readonly string[]): Promise<({ text: string; metadata: unknown } | null)[]> {
    if (keys.length === 0) return [];
    const { store } = this.#caller;
    this.#spent.kvReads += keys.length;
    const found = await inTime(store, this.#op, () => store.getAll(keys, 0));
    return found.map((one) => {
      const { value, metadata } = (one ?? {}) as { value?: unknown; metadata?: unknown };
      return typeof value === 'string' ? { text: value, metadata } : null;
    });
  }

  /** Deletes sessions with their entries, all of them whatever becomes of some. Gives how many are gone. */
  async #drop(copies: readonly Copy[]): Promise<number> {
    let dropped = 0;
    await each(copies, async ({ key, index }) => {
      const call = this.#caller.begin();
      const { outcome, error } = await call.run(
        {
          op: this.#op,
          begin: (instance) => {
            const session = instance.write(key);
            return instance.exports.dropSession(session, instance.write(index));
          },
          end: endingOf,
          lost: lostEnding,
        },
        undefined,
      );
      if (error === undefined) dropped++;
      this.#caller.report(call, this.#op, outcome, 'kv', error);
    });
    return dropped;
  }
}

/** As much of an id as fits into metadata. */
const MAX_ID_UNITS = 300;

/**
 * A session's id as the index has it: as it is where it is ASCII, which is all that may cross in a header; else encoded, and marked as
 * that. What is too long is cut off: then some ids may look alike.
 */
export function indexedId(id: string): string {
  const plain = /^(?!%)[ -~]*$/.test(id) ? id : `%${encodeURIComponent(id.toWellFormed())}`;
  return plain.slice(0, MAX_ID_UNITS);
}

/** Whether a copy was loaded after a revocation: by a login that followed it. */
function isNewer(metadata: unknown, revokedBefore: number): boolean {
  const { l } = (metadata ?? {}) as { l?: unknown };
  return typeof l === 'number' && l > revokedBefore;
}

/** What a user may know of a session; nothing of what is no session of theirs, or has ended. */
function infoIn(text: string | null, userId: string, now: number): SessionInfo[] {
  try {
    const { session } = JSON.parse(text ?? 'null') as { session: Record<string, unknown> };
    const { id, expiresAt, createdAt, userAgent, ipAddress } = session;
    if (session['userId'] !== userId || typeof id !== 'string' || typeof expiresAt !== 'string') return [];
    if (Date.parse(expiresAt) <= now) return [];
    const info: SessionInfo = { id, expiresAt };
    if (typeof createdAt === 'string') info.createdAt = createdAt;
    if (typeof userAgent === 'string') info.userAgent = userAgent;
    if (typeof ipAddress === 'string') info.ipAddress = ipAddress;
    return [info];
  } catch {
    return [];
  }
}
