import type { ObjectStorage } from './limit-rows.js';
import { RowBroom } from './row-broom.js';

/** Revocations matter for hours: an alarm costs more than a row that stays another. */
const SWEEP_MS = 3_600_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS revoked (
    key TEXT NOT NULL PRIMARY KEY,
    before INTEGER NOT NULL,
    swept_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS revoked_by_sweep ON revoked (swept_at);`;

/** Up to when copies are void, by key, in the object's SQLite database. Synchronous, so that nothing comes between. */
export class RevocationRows {
  readonly #storage: ObjectStorage;
  readonly #broom: RowBroom;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(SCHEMA);
    this.#broom = new RowBroom(storage, 'revoked', 'key', SWEEP_MS);
  }

  before(key: string): number | null {
    const [row] = this.#storage.sql.exec('SELECT before FROM revoked WHERE key = ?', key).raw().toArray();
    return (row?.[0] as number | undefined) ?? null;
  }

  /** Moves on what is known of a key, and keeps it until then at least. */
  revoke(key: string, before: number, until: number, now: number): void {
    const sweptAt = this.#broom.sweptAt(until);
    this.#storage.sql.exec(
      `INSERT INTO revoked (key, before, swept_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET before = max(before, excluded.before), swept_at = max(swept_at, excluded.swept_at)`,
      key,
      before,
      sweptAt,
    );
    this.#broom.wakeFor(sweptAt, now);
  }

  /** Clears what matters no longer, and has the alarm come for what is left. */
  sweep(now: number): void {
    this.#broom.sweep(now);
  }
}
