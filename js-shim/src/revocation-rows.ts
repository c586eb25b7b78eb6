import type { ObjectStorage } from './limit-rows.js';

/** Rows are cleared in steps of this, so that most writes leave the alarm as it is. */
const SWEEP_MS = 3_600_000;
/** Rows that one alarm clears at most... */
const SWEPT_ROWS = 5_000;
/** ...and how soon it comes again where there were more. */
const NEXT_SWEEP_MS = 1_000;

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
  /** When the alarm comes; Infinity where none is set. */
  #alarmAt: number;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(SCHEMA);
    this.#alarmAt = this.#nextSweep();
  }

  before(key: string): number | null {
    const [row] = this.#storage.sql.exec('SELECT before FROM revoked WHERE key = ?', key).raw().toArray();
    return (row?.[0] as number | undefined) ?? null;
  }

  /** Moves on what is known of a key, and keeps it until then at least. */
  revoke(key: string, before: number, until: number, now: number): void {
    const sweptAt = (Math.ceil(until / SWEEP_MS) + 1) * SWEEP_MS;
    this.#storage.sql.exec(
      `INSERT INTO revoked (key, before, swept_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET before = max(before, excluded.before), swept_at = max(swept_at, excluded.swept_at)`,
      key,
      before,
      sweptAt,
    );
    // An alarm that is long overdue has failed as often as the runtime tries.
    if (this.#alarmAt < now - SWEEP_MS) this.#wakeAt(now);
    else if (sweptAt < this.#alarmAt) this.#wakeAt(sweptAt);
  }

  /** Clears what matters no longer, and has the alarm come for what is left. */
  sweep(now: number): void {
    this.#storage.sql.exec(
      'DELETE FROM revoked WHERE key IN (SELECT key FROM revoked WHERE swept_at <= ? LIMIT ?)',
      now,
      SWEPT_ROWS,
    );
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const next = this.#nextSweep();
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(Math.max(next, now + NEXT_SWEEP_MS));
  }

  #nextSweep(): number {
    const [row] = this.#storage.sql.exec('SELECT min(swept_at) FROM revoked').raw().toArray();
    return (row?.[0] as number | null | undefined) ?? Number.POSITIVE_INFINITY;
  }

  #wakeAt(ms: number): void {
    this.#alarmAt = ms;
    void this.#storage.setAlarm(ms);
  }
}
