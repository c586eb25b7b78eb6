/** Values in memory as one keeps them in an afternoon: as JSON text, so that everybody gets his own; the oldest goes first. */
export class PlainMemory {
  readonly #entries = new Map<string, { text: string; expiresAt: number }>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get<T>(key: string): T | null {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt <= Date.now()) return null;
    return JSON.parse(entry.text) as T;
  }

  set(key: string, value: unknown, ttlMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { text: JSON.stringify(value), expiresAt: Date.now() + ttlMs });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
