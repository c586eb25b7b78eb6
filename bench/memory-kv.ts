type Type = 'text' | 'json';
type GetOptions = { type?: Type; cacheTtl?: number };

interface Entry {
  value: string;
  /** As JSON: metadata reaches and leaves a real KV namespace as text too. */
  metadata: string | null;
  expiresAt: number;
}

interface Found {
  value: unknown;
  metadata: unknown;
}

const MIN_TTL_SECONDS = 60;

/**
 * A KV namespace that keeps everything in memory: text in, and text or parsed JSON out, with metadata, expiry and KV's least TTL.
 * Both sides of every comparison use it.
 */
export class MemoryKV {
  readonly #entries = new Map<string, Entry>();

  get(key: string, type: 'json'): Promise<unknown>;
  get(key: string, type?: 'text' | { type?: 'text'; cacheTtl?: number }): Promise<string | null>;
  async get(key: string, type?: Type | GetOptions): Promise<unknown> {
    const entry = this.#live(key, Date.now());
    return entry === null ? null : read(entry.value, type);
  }

  getWithMetadata(keys: readonly string[], type?: Type | GetOptions): Promise<Map<string, Found | null>>;
  getWithMetadata(key: string, type?: Type | GetOptions): Promise<Found>;
  async getWithMetadata(key: string | readonly string[], type?: Type | GetOptions): Promise<Found | Map<string, Found | null>> {
    const now = Date.now();
    if (typeof key === 'string') return this.#found(key, type, now) ?? { value: null, metadata: null };
    const found = new Map<string, Found | null>();
    for (const one of key) found.set(one, this.#found(one, type, now));
    return found;
  }

  #found(key: string, type: Type | GetOptions | undefined, now: number): Found | null {
    const entry = this.#live(key, now);
    if (entry === null) return null;
    return { value: read(entry.value, type), metadata: entry.metadata === null ? null : JSON.parse(entry.metadata) };
  }

  async put(key: string, value: string, options?: { expirationTtl?: number; metadata?: unknown }): Promise<void> {
    const ttl = options?.expirationTtl;
    if (ttl !== undefined && !(ttl >= MIN_TTL_SECONDS)) throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${ttl}`);
    const metadata = options?.metadata;
    this.#entries.set(key, {
      value,
      metadata: metadata === undefined || metadata === null ? null : JSON.stringify(metadata),
      expiresAt: ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttl * 1000,
    });
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }

  #live(key: string, now: number): Entry | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.expiresAt <= now ? null : entry;
  }
}

function read(value: string, type: Type | GetOptions | undefined): unknown {
  const wanted = typeof type === 'object' ? type.type : type;
  return wanted === 'json' ? JSON.parse(value) : value;
}
