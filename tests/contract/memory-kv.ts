import {
  checkBulk,
  checkCacheTtl,
  checkKey,
  checkValue,
  expirationOf,
  kvError,
  MAX_LIST_KEYS,
  type Operation,
} from './kv-limits.ts';

/** A read's options, or its type alone. */
type ReadOptions = string | { type?: string; cacheTtl?: number } | undefined;

export interface WriteOptions {
  expirationTtl?: number;
  expiration?: number;
  metadata?: unknown;
}

export interface ListOptions {
  prefix?: string;
  limit?: number;
  cursor?: string;
}

export interface ListedKey {
  name: string;
  expiration?: number;
  metadata?: unknown;
}

export interface MemoryKVOptions {
  /** Unix milliseconds. Default: the real clock. */
  now?: () => number;
  /** Whether a second write of one key within a second is refused with 429, as KV does. Default: no, as Miniflare does. */
  oneWritePerSecond?: boolean;
  /** Milliseconds after which other places see what was written at this one. Default 0. */
  lagMs?: number;
}

/** A value as it was written at some time; no text for one that was deleted. */
interface Version {
  at: number;
  place: object;
  text: string | null;
  metadata: string | null;
  expiration: number | undefined;
}

/**
 * Workers KV in memory, with its limits, its words and its traps, on a clock that the test moves. It says nothing about how
 * fast KV is or where it stores. Knows nothing of the clients.
 */
export class MemoryKV {
  readonly #now: () => number;
  readonly #options: MemoryKVOptions;
  readonly #versions: Map<string, Version[]>;

  constructor(options: MemoryKVOptions = {}, shared: Map<string, Version[]> = new Map()) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#versions = shared;
  }

  /** The same namespace at another place, which sees this one's writes `lagMs` late. */
  elsewhere(): MemoryKV {
    return new MemoryKV(this.#options, this.#versions);
  }

  async get(key: string, type?: 'text'): Promise<string | null>;
  async get(key: string | readonly string[], options?: ReadOptions): Promise<unknown>;
  async get(key: string | readonly string[], options?: ReadOptions): Promise<unknown> {
    const type = typeOf(options);
    if (isBulk(key)) return this.#bulk(key, options, (version) => shown('GET_BULK', version, type));
    const version = this.#read('GET', String(key), options);
    return version === null ? null : shown('GET', version, type);
  }

  async getWithMetadata(key: string | readonly string[], options?: ReadOptions): Promise<unknown> {
    const type = typeOf(options);
    if (isBulk(key)) {
      return this.#bulk(key, options, (version) => ({
        value: shown('GET_BULK', version, type),
        metadata: parsed(version.metadata),
      }));
    }
    const version = this.#read('GET', String(key), options);
    if (version === null) return { value: null, metadata: null, cacheStatus: null };
    return { value: shown('GET', version, type), metadata: parsed(version.metadata), cacheStatus: null };
  }

  async put(key: string, value: unknown, options: WriteOptions = {}): Promise<void> {
    const name = String(key);
    checkKey('PUT', name);
    const text = textOf(value);
    const metadata = options.metadata === undefined || options.metadata === null ? undefined : JSON.stringify(options.metadata);
    const expiration = expirationOf(options.expirationTtl, options.expiration, this.#now());
    checkValue(text, metadata);
    this.#write('PUT', name, { text, metadata: metadata ?? null, expiration });
  }

  async delete(key: string): Promise<void> {
    const name = String(key);
    checkKey('DELETE', name);
    this.#write('DELETE', name, { text: null, metadata: null, expiration: undefined });
  }

  async list(options: ListOptions = {}): Promise<{ keys: ListedKey[]; list_complete: boolean; cursor?: string }> {
    const limit = options.limit === undefined || options.limit <= 0 ? MAX_LIST_KEYS : options.limit;
    if (limit > MAX_LIST_KEYS) {
      const text = `Invalid key_count_limit of ${limit}. Please specify an integer less than ${MAX_LIST_KEYS}.`;
      throw kvError('GET', 400, text);
    }
    const after = options.cursor === undefined || options.cursor === '' ? null : atob(options.cursor);
    const names = [...this.#versions.keys()]
      .filter((name) => name.startsWith(options.prefix ?? '') && this.#current(name) !== null)
      .sort(byUtf8)
      .filter((name) => after === null || byUtf8(decodeURIComponent(after), name) < 0);
    const page = names.slice(0, limit);
    const keys = page.map((name) => this.#listed(name));
    const last = page.at(-1);
    if (names.length <= limit || last === undefined) return { keys, list_complete: true };
    return { keys, list_complete: false, cursor: btoa(encodeURIComponent(last)) };
  }

  #read(operation: Operation, key: string, options: ReadOptions): Version | null {
    checkKey(operation, key);
    checkCacheTtl(operation, typeof options === 'object' ? options.cacheTtl : undefined);
    return this.#current(key);
  }

  #bulk(keys: readonly string[], options: ReadOptions, show: (version: Version) => unknown): Map<string, unknown> {
    checkBulk(keys, typeOf(options));
    checkCacheTtl('GET_BULK', typeof options === 'object' ? options.cacheTtl : undefined);
    const found = new Map<string, unknown>();
    for (const key of keys) {
      // The runtime builds its answer as an object and skips what looks like an index, or is no property of its own there.
      if (isIndex(key) || key === '__proto__') continue;
      const version = this.#current(key);
      found.set(key, version === null ? null : show(version));
    }
    return found;
  }

  #write(operation: Operation, key: string, written: Pick<Version, 'text' | 'metadata' | 'expiration'>): void {
    const at = this.#now();
    const versions = this.#versions.get(key) ?? [];
    const last = versions.at(-1);
    if (this.#options.oneWritePerSecond === true && last !== undefined && at - last.at < 1000) {
      throw kvError(operation, 429, 'Too Many Requests');
    }
    versions.push({ ...written, at, place: this });
    this.#versions.set(key, versions);
  }

  /** What this place sees under a key now. */
  #current(key: string): Version | null {
    const now = this.#now();
    const lagMs = this.#options.lagMs ?? 0;
    const seen = this.#versions.get(key)?.findLast((version) => version.place === this || now - version.at >= lagMs);
    if (seen === undefined || seen.text === null) return null;
    return seen.expiration !== undefined && now >= seen.expiration * 1000 ? null : seen;
  }

  #listed(name: string): ListedKey {
    const version = this.#current(name);
    const listed: ListedKey = { name };
    if (version?.expiration !== undefined) listed.expiration = version.expiration;
    if (version !== null && version.metadata !== null) listed.metadata = parsed(version.metadata);
    return listed;
  }
}

function typeOf(options: ReadOptions): string {
  return (typeof options === 'object' ? options.type : options) ?? 'text';
}

function isBulk(key: unknown): key is readonly string[] {
  return Array.isArray(key);
}

function isIndex(key: string): boolean {
  const index = Number(key);
  return String(index) === key && Number.isInteger(index) && index >= 0 && index < 2 ** 32 - 1;
}

function shown(operation: Operation, { text }: Version, type: string): unknown {
  const value = text ?? '';
  if (type === 'text') return value;
  if (type === 'arrayBuffer') return new TextEncoder().encode(value).buffer;
  if (type === 'stream') return new Response(value).body;
  if (type !== 'json') {
    throw new TypeError('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
  }
  if (operation === 'GET') return JSON.parse(value);
  try {
    return JSON.parse(value);
  } catch {
    throw kvError('GET_BULK', 400, 'At least one of the requested keys corresponds to a non-json value');
  }
}

function parsed(metadata: string | null): unknown {
  return metadata === null ? null : JSON.parse(metadata);
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return new TextDecoder().decode(value);
    const accepted = 'strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams';
    throw new TypeError(`KV put() accepts only ${accepted} as values.`);
  }
  return String(value).toWellFormed();
}

/** The order of keys in a list: that of their UTF-8 bytes, which is that of their code points. */
function byUtf8(one: string, other: string): number {
  const [ones, others] = [Array.from(one), Array.from(other)];
  for (let at = 0; at < Math.min(ones.length, others.length); at++) {
    const difference = (ones[at]?.codePointAt(0) ?? 0) - (others[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return ones.length - others.length;
}
