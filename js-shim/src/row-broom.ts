import type { ObjectStorage } from './limit-rows.js';

/** Rows that one alarm clears at most... */
const SWEPT_ROWS = 5_000;
/** ...and how soon it comes again where there were more. */
const NEXT_SWEEP_MS = 1_000;

/**
 * Clears, by the object's alarm, the rows of a table that matter no longer: those whose column `swept_at`, which is indexed, has
 * passed. An object has one alarm, and so one of these.
 */
export class RowBroom {
  readonly #storage: ObjectStorage;
  readonly #table: string;
  readonly #key: string;
  readonly #stepMs: number;
  /** When the alarm comes; Infinity where none is set. */
  #alarmAt: number;

  /**
   * Of a table that there is, by its primary key as SQL has it. Rows are cleared in steps of `stepMs`, and no sooner than that after they
   * matter: the clock of the next machine may be behind.
   */
  constructor(storage: ObjectStorage, table: string, key: string, stepMs: number) {
    this.#storage = storage;
    this.#table = table;
    this.#key = key;
    this.#stepMs = stepMs;
    this.#alarmAt = this.#nextSweep();
  }

  /** When a row may be cleared that matters until then: in steps, so that most writes leave the index, and the alarm, as they are. */
  sweptAt(until: number): number {
    return (Math.ceil(until / this.#stepMs) + 1) * this.#stepMs;
  }

  /** Has the alarm come for a row that was written. */
  wakeFor(sweptAt: number, now: number): void {
    // An alarm that is long overdue has failed as often as the runtime tries.
    if (this.#alarmAt < now - this.#stepMs) this.#wakeAt(now);
    else if (sweptAt < this.#alarmAt) this.#wakeAt(sweptAt);
  }

  /** Clears what matters no longer, and has the alarm come for what is left. */
  sweep(now: number): void {
    this.#storage.sql.exec(
      `DELETE FROM ${this.#table} WHERE (${this.#key}) IN (SELECT ${this.#key} FROM ${this.#table} WHERE swept_at <= ? LIMIT ?)`,
      now,
      SWEPT_ROWS,
    );
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const next = this.#nextSweep();
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(Math.max(next, now + NEXT_SWEEP_MS));
  }

  #nextSweep(): number {
    const [row] = this.#storage.sql.exec(`SELECT min(swept_at) FROM ${this.#table}`).raw().toArray();
    return (row?.[0] as number | null | undefined) ?? Number.POSITIVE_INFINITY;
  }

  #wakeAt(ms: number): void {
    this.#alarmAt = ms;
    void this.#storage.setAlarm(ms);
  }
}
