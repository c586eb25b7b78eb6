import type { KnownAttempts } from './limit-object.js';
import { RowBroom } from './row-broom.js';

/** What an object knows of a key under a rule, and until when it matters. */
export interface LimitRow {
  key: string;
  rule: string;
  known: KnownAttempts;
  /** Unix milliseconds. */
  until: number;
}

/** What is used of `DurableObjectStorage`; the package declares no types of the Workers runtime. */
export interface ObjectStorage {
  readonly sql: {
    exec(query: string, ...bindings: readonly (string | number)[]): { raw(): { toArray(): unknown[][] } };
  };
  transactionSync<T>(closure: () => T): T;
  setAlarm(ms: number): Promise<void>;
}

/** Where an object keeps what it knows. Synchronous, so that nothing comes between reading and writing. */
export interface LimitRows {
  /** What is known of a key under a rule, its block included. */
  known(key: string, rule: string): KnownAttempts;
  /** Keeps all of them or, where it throws, none. */
  keep(rows: readonly LimitRow[], now: number): void;
  block(key: string, until: number, now: number): void;
  unblock(key: string): void;
  /** Forgets a key under every rule, but not its block. */
  forget(key: string): void;
}

/** The rule under which a block stands. Its mark is its end. */
const BLOCK = '';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS attempts (
    key TEXT NOT NULL,
    rule TEXT NOT NULL,
    mark INTEGER NOT NULL,
    count INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    opening INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    swept_at INTEGER NOT NULL,
    PRIMARY KEY (key, rule)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS attempts_by_sweep ON attempts (swept_at);`;

/** Rows of the object's SQLite database. */
export class StoredLimits implements LimitRows {
  readonly #storage: ObjectStorage;
  readonly #sql: ObjectStorage['sql'];
  readonly #broom: RowBroom;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#sql.exec(SCHEMA);
    this.#broom = new RowBroom(storage, 'attempts', 'key, rule', SWEEP_MS);
  }

  known(key: string, rule: string): KnownAttempts {
    const found = this.#sql
      .exec(
        `SELECT mark, count, previous, opening, sequence, refunded, rule
           FROM attempts WHERE key = ? AND rule IN ('${BLOCK}', ?)`,
        key,
        rule,
      )
      .raw()
      .toArray();
    let attempts: number[] = [0, 0, 0, 0, 0, 0, 0];
    let blockedUntil = 0;
    for (const row of found) {
      const numbers = row.slice(0, 6) as number[];
      if (row[6] === BLOCK) [blockedUntil = 0] = numbers;
      else attempts = [1, ...numbers];
    }
    return [...attempts, blockedUntil];
  }

  keep(rows: readonly LimitRow[], now: number): void {
    if (rows.length === 0) return;
    this.#storage.transactionSync(() => {
      for (const { key, rule, known, until } of rows) this.#put(key, rule, known.slice(1, 7), until, now);
    });
  }

  block(key: string, until: number, now: number): void {
    this.#put(key, BLOCK, [until, 0, 0, 0, 0, 0], until, now);
  }

  unblock(key: string): void {
    this.#sql.exec(`DELETE FROM attempts WHERE key = ? AND rule = '${BLOCK}'`, key);
  }

  forget(key: string): void {
    this.#sql.exec(`DELETE FROM attempts WHERE key = ? AND rule <> '${BLOCK}'`, key);
  }

  /** Clears what matters no longer, and has the alarm come for what is left. */
  sweep(now: number): void {
    this.#broom.sweep(now);
  }

  #put(key: string, rule: string, numbers: readonly number[], until: number, now: number): void {
    const sweptAt = this.#broom.sweptAt(until);
    this.#sql.exec(
      `INSERT INTO attempts (key, rule, mark, count, previous, opening, sequence, refunded, swept_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET mark = excluded.mark, count = excluded.count, previous = excluded.previous,
         opening = excluded.opening, sequence = excluded.sequence, refunded = excluded.refunded,
         swept_at = max(swept_at, excluded.swept_at)`,
      key,
      rule,
      ...numbers,
      sweptAt,
    );
    this.#broom.wakeFor(sweptAt, now);
  }
}

/** Keys that an object keeps in memory at most; beyond that the one counted longest ago goes. */
const MAX_KEYS = 50_000;
/** How often it looks for what matters no longer. */
const SWEEP_MS = 300_000;

/** Rows that are gone with the object. */
export class LimitsInMemory implements LimitRows {
  readonly #attempts = new Map<string, Map<string, LimitRow>>();
  readonly #blocks = new Map<string, number>();
  #sweptAt = 0;

  known(key: string, rule: string): KnownAttempts {
    const known = this.#attempts.get(key)?.get(rule)?.known ?? [0, 0, 0, 0, 0, 0, 0];
    return [...known.slice(0, 7), this.#blocks.get(key) ?? 0];
  }

  keep(rows: readonly LimitRow[], now: number): void {
    for (const row of rows) {
      const { key, rule, until } = row;
      const ofKey = this.#attempts.get(key) ?? new Map<string, LimitRow>();
      ofKey.set(rule, { ...row, until: Math.max(until, ofKey.get(rule)?.until ?? 0) });
      this.#attempts.delete(key);
      this.#attempts.set(key, ofKey);
    }
    this.#sweep(now);
  }

  block(key: string, until: number, now: number): void {
    this.#blocks.delete(key);
    this.#blocks.set(key, until);
    this.#sweep(now);
  }

  unblock(key: string): void {
    this.#blocks.delete(key);
  }

  forget(key: string): void {
    this.#attempts.delete(key);
  }

  /** Clears now and then what matters no longer, and always what is too much. */
  #sweep(now: number): void {
    if (now >= this.#sweptAt + SWEEP_MS) {
      this.#sweptAt = now;
      for (const [key, ofKey] of this.#attempts) {
        for (const [rule, { until }] of ofKey) if (until <= now) ofKey.delete(rule);
        if (ofKey.size === 0) this.#attempts.delete(key);
      }
      for (const [key, until] of this.#blocks) if (until <= now) this.#blocks.delete(key);
    }
    for (const kept of [this.#attempts, this.#blocks]) {
      while (kept.size > MAX_KEYS) kept.delete(kept.keys().next().value as string);
    }
  }
}
