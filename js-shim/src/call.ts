import { errorCodeOf } from './codes.js';
import { core, coreFailed, enums } from './core.js';
import { KVClientError, storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import { sessionFactsOf, writeSessionFacts } from './session-facts.js';
import type { Answered, KVPutOptions, Store } from './store.js';

const { Field, Kind, State, Verb } = enums;

/** No counter, watermark or envelope of ours is longer; of what is, the core sees so much and finds it wanting. */
const OWN_FORMAT_UNITS = 2048;

/**
 * One call into the core, from its first entry to its end. Whenever the core waits for the store, this performs the operation
 * on the real binding and enters the core again with the answer. Any number of calls may be under way at once.
 */
export class Call {
  /** The clock as it stood when the call began, in Unix milliseconds. */
  readonly beganMs: number;
  /** What the texts that `begin` writes are as one string, where that may be the key. */
  input = '';
  /** The JSON text of a value that stays on this side: what to put, or what was found. */
  payload = '';
  /** The session that was found, parsed. */
  session: unknown;
  kvReads = 0;
  kvWrites = 0;
  readonly #store: Store;
  readonly #clock: () => number;
  #key = '';
  #keyAddress = 0;
  #keyLength = 0;

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
    this.beganMs = clock();
  }

  /**
   * Runs the call. `begin` writes the texts and enters the core; `end` reads the outcome, at once, before another call
   * overwrites it. Rejects with a {@link KVClientError} for what the core refuses, and with `aborted` or `core-failed` for a
   * call that did not end.
   */
  run<T>(op: string, begin: (instance: Instance) => number, end: (instance: Instance) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const instance = core.acquire(this.#wall(this.beganMs));
      if (instance === null) return reject(coreFailed(op));

      // Whatever is thrown in here comes from the core, and has condemned the instance.
      const step = (enter: () => number): void => {
        try {
          const state = enter();
          if (state === State.Waiting) perform();
          else if (state === State.Done) resolve(end(instance));
          else reject(state === State.Refused ? refusal(op, instance) : storeFailure(op, 'aborted'));
        } catch {
          core.condemn(instance, Date.now());
          reject(coreFailed(op));
        }
      };

      const perform = (): void => {
        const slot = instance.int(Field.Slot);
        const generation = instance.int(Field.Generation);
        const verb = instance.int(Field.Verb);
        const kind = instance.int(Field.Kind);
        this.#perform(instance, verb, kind, (status, value, atOnce) => {
          if (!core.isCurrent(instance)) return reject(coreFailed(op));
          const found = verb === Verb.Get ? foundIn(value) : null;
          step(() => this.#resume(instance, slot, generation, kind, status, found, atOnce));
        });
      };

      step(() => {
        instance.enter(this.#store.id, this.beganMs, this.#wall(this.beganMs), this.#store.timeoutMs);
        return begin(instance);
      });
    });
  }

  /** The real clock, which is `now` itself unless the caller has a clock of its own. */
  #wall(now: number): number {
    return this.#clock === Date.now ? now : Date.now();
  }

  /** Does on the binding what the reply asks for. */
  #perform(instance: Instance, verb: number, kind: number, answered: Answered): void {
    const key = this.#keyIn(instance);
    if (verb === Verb.Get) {
      this.kvReads++;
      if (kind === Kind.Text) this.#store.get(key, instance.int(Field.CacheTtlSeconds), answered);
      else this.#store.getWithMetadata(key, answered);
      return;
    }
    this.kvWrites++;
    if (verb === Verb.Delete) {
      this.#store.delete(key, answered);
      return;
    }

    const text = (address: number, length: number): string => instance.text(instance.int(address), instance.int(length));
    const options: KVPutOptions = { expirationTtl: instance.int(Field.TtlSeconds) };
    if (this.#store.keepsMetadata && instance.int(Field.MetadataLength) !== 0) {
      options.metadata = JSON.parse(text(Field.MetadataAddress, Field.MetadataLength));
    }
    const value = kind === Kind.Text ? text(Field.ValueAddress, Field.ValueLength) : this.payload;
    this.#store.put(key, value, options, answered);
  }

  /** The key the reply names. The core keeps it in its place until the call ends, so the same place holds the same key. */
  #keyIn(instance: Instance): string {
    const address = instance.int(Field.KeyAddress);
    const length = instance.int(Field.KeyLength);
    if (address !== this.#keyAddress || length !== this.#keyLength) {
      const isInput = this.#keyLength === 0 && instance.int(Field.KeyIsInput) === 1;
      this.#key = isInput ? this.input : instance.text(address, length);
      this.#keyAddress = address;
      this.#keyLength = length;
    }
    return this.#key;
  }

  /** Enters the core with an answer. */
  #resume(
    instance: Instance,
    slot: number,
    generation: number,
    kind: number,
    status: number,
    found: Found | null,
    atOnce: boolean,
  ): number {
    const now = atOnce ? this.beganMs : this.#clock();
    const wall = this.#wall(now);
    const { number, exports } = instance;
    const { timeoutMs } = this.#store;
    instance.rewind();

    if (found !== null && kind === Kind.Session) {
      this.session = parsed(found.value);
      const facts = writeSessionFacts(instance, sessionFactsOf(this.session));
      const { wellTyped, token, sessionUserId, userId, expiresAt, role } = facts;
      const metadata = instance.writeHead(found.metadata, OWN_FORMAT_UNITS);
      // biome-ignore format: the slot, the facts, the time
      return exports.resumeSession(
        slot, generation, number,
        wellTyped, token, sessionUserId, userId, expiresAt, role, metadata,
        now, wall, timeoutMs,
      );
    }
    let text = 0;
    let metadata = 0;
    if (found !== null) {
      if (kind === Kind.Text) text = instance.writeHead(found.value, OWN_FORMAT_UNITS);
      else this.payload = found.value;
      metadata = instance.writeHead(found.metadata, OWN_FORMAT_UNITS);
    }
    return exports.resume(slot, generation, number, status, found !== null, text, metadata, now, wall, timeoutMs);
  }
}

function refusal(op: string, instance: Instance): KVClientError {
  const code = errorCodeOf(instance.int(Field.Failure)) ?? 'invalid-argument';
  const reason = instance.text(instance.int(Field.ReasonAddress), instance.int(Field.ReasonLength));
  const actual = instance.reply()[Field.Actual] as number;
  return new KVClientError(code, `${op}: ${reason}${Number.isNaN(actual) ? '' : ` (got ${actual})`}`);
}

/** What a read found: a text, and its metadata as JSON or empty. */
interface Found {
  value: string;
  metadata: string;
}

/** Takes what a store returned apart; null for an absent key. A value that is no text is one that nobody can read. */
function foundIn(returned: unknown): Found | null {
  try {
    if (returned === null || returned === undefined) return null;
    if (typeof returned === 'string') return { value: returned, metadata: '' };
    const { value, metadata } = returned as { value?: unknown; metadata?: unknown };
    if (value === null || value === undefined) return null;
    return {
      value: typeof value === 'string' ? value : '',
      metadata: metadata === null || metadata === undefined ? '' : (JSON.stringify(metadata) ?? ''),
    };
  } catch {
    return { value: '', metadata: '' };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
