import type { ObjectStorage } from './limit-rows.js';
import { RowBroom } from './row-broom.js';

/** Most counters are of minutes. */
const SWEEP_MS = 300_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counters (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    until INTEGER NOT NULL,
    swept_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS counters_by_sweep ON counters (swept_at);`;

/** Counters that end, as rows of an object's SQLite database. Synchronous, so that nothing comes between reading and writing. */
export class CounterRows {
  readonly #sql: ObjectStorage['sql'];
  readonly #broom: RowBroom;

  constructor(storage: ObjectStorage) {
    this.#sql = storage.sql;
    this.#sql.exec(SCHEMA);
    this.#broom = new RowBroom(storage, 'counters', 'key', SWEEP_MS);
  }

  /** Counts one, and returns how many there are. A counter that has ended, or that there is not, begins at one and ends at `until`. */
  increment(key: string, until: number, now: number): number {
    const sweptAt = this.#broom.sweptAt(until);
    const [row] = this.#sql
      .exec(
        `INSERT INTO counters (key, count, until, swept_at) VALUES (?1, 1, ?2, ?3)
         ON CONFLICT DO UPDATE SET
           count = iif(until <= ?4, 1, count + 1),
           swept_at = iif(until <= ?4, excluded.swept_at, swept_at),
           until = iif(until <= ?4, excluded.until, until)
         RETURNING count`,
        key,
        until,
        sweptAt,
        now,
      )
      .raw()
      .toArray();
    const [count] = row as [number];
    if (count === 1) this.#broom.wakeFor(sweptAt, now);
    return count;
  }

  /** How many there are; none of what has ended. */
  count(key: string, now: number): number {
    const [row] = this.#sql.exec('SELECT count FROM counters WHERE key = ? AND until > ?', key, now).raw().toArray();
    return (row?.[0] as number | undefined) ?? 0;
  }

  /** Clears what has ended, and has the alarm come for what is left. */
  sweep(now: number): void {
    this.#broom.sweep(now);
  }
}
