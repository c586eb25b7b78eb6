import { errorCodeOf } from './codes.js';
import { core, coreFailed, enums } from './core.js';
import { KVClientError, storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import { sessionFactsOf, writeSessionFacts } from './session-facts.js';
import type { Answer, KVPutOptions, Store } from './store.js';

const { Field, Kind, State, Verb } = enums;

/** No counter, watermark or envelope of ours is longer; of what is, the core sees so much and finds it wanting. */
const OWN_FORMAT_UNITS = 2048;

/** An operation that a call of the core waits for. */
interface Operation {
  slot: number;
  generation: number;
  verb: number;
  kind: number;
  key: string;
  value: string;
  metadata: string;
  ttlSeconds: number;
  cacheTtlSeconds: number;
}

/**
 * One call into the core, from its first entry to its end. Whenever the core waits for the store, this performs the
 * operation on the real binding and enters the core again with the answer. Any number of calls may be under way at once.
 */
export class Call {
  /** The JSON text of a value that stays on this side: what to put, or what was found. */
  payload = '';
  /** The session that was found, parsed. */
  session: unknown;
  kvReads = 0;
  kvWrites = 0;
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #now: number;
  #lastKeyAddress = 0;
  #lastKeyLength = 0;
  #lastKey = '';

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
    this.#now = clock();
  }

  /** The clock as it stood when the call began, in Unix milliseconds. */
  get beganMs(): number {
    return this.#now;
  }

  /**
   * Runs the call. `begin` writes the texts and enters the core; `end` reads the outcome, at once, before another call
   * overwrites it. Throws a {@link KVClientError} for what the core refuses, and `aborted` or `core-failed` for a call that
   * did not end.
   */
  async run<T>(op: string, begin: (instance: Instance) => number, end: (instance: Instance) => T): Promise<T> {
    const instance = core.acquire(Date.now());
    if (instance === null) throw coreFailed(op);
    let state = guarded(op, instance, () => {
      const now = this.#now;
      instance.enter(this.#store.id, now, this.#wall(now), this.#store.timeoutMs);
      return begin(instance);
    });
    while (state === State.Waiting) {
      const operation = this.#describe(instance);
      const answer = await this.#perform(operation);
      if (!core.isCurrent(instance)) throw coreFailed(op);
      const found = operation.verb === Verb.Get ? foundIn(answer.value) : null;
      state = guarded(op, instance, () => this.#resume(instance, operation, answer, found));
    }
    if (state === State.Done) return end(instance);
    if (state === State.Refused) throw refusal(instance, op);
    throw storeFailure(op, 'aborted');
  }

  /** The real clock, which is `now` itself unless the caller has a clock of its own. */
  #wall(now: number): number {
    return this.#clock === Date.now ? now : Date.now();
  }

  #describe(instance: Instance): Operation {
    const keyAddress = instance.field(Field.KeyAddress);
    const keyLength = instance.field(Field.KeyLength);
    // The core keeps a key where it is until its call ends, so the same place holds the same key.
    if (keyAddress !== this.#lastKeyAddress || keyLength !== this.#lastKeyLength) {
      this.#lastKeyAddress = keyAddress;
      this.#lastKeyLength = keyLength;
      this.#lastKey = instance.text(keyAddress, keyLength);
    }
    const verb = instance.field(Field.Verb);
    const kind = instance.field(Field.Kind);
    const isPut = verb === Verb.Put;
    const metadataLength = isPut ? instance.field(Field.MetadataLength) : 0;
    return {
      slot: instance.field(Field.Slot),
      generation: instance.field(Field.Generation),
      verb,
      kind,
      key: this.#lastKey,
      value: !isPut
        ? ''
        : kind === Kind.Text
          ? instance.text(instance.field(Field.ValueAddress), instance.field(Field.ValueLength))
          : this.payload,
      metadata: metadataLength > 0 ? instance.text(instance.field(Field.MetadataAddress), metadataLength) : '',
      ttlSeconds: instance.field(Field.TtlSeconds),
      cacheTtlSeconds: instance.field(Field.CacheTtlSeconds),
    };
  }

  #perform(operation: Operation): Promise<Answer> {
    const { verb, key } = operation;
    if (verb === Verb.Get) {
      this.kvReads++;
      return operation.kind === Kind.Text
        ? this.#store.get(key, operation.cacheTtlSeconds)
        : this.#store.getWithMetadata(key);
    }
    this.kvWrites++;
    if (verb === Verb.Delete) return this.#store.delete(key);
    const options: KVPutOptions = { expirationTtl: operation.ttlSeconds };
    if (operation.metadata !== '' && this.#store.keepsMetadata) options.metadata = JSON.parse(operation.metadata);
    return this.#store.put(key, operation.value, options);
  }

  #resume(instance: Instance, operation: Operation, answer: Answer, found: Found | null): number {
    const now = answer.atOnce ? this.#now : this.#clock();
    const wall = this.#wall(now);
    const { slot, generation, kind } = operation;
    const { number, exports } = instance;
    instance.rewind();

    if (found !== null && kind === Kind.Session) {
      this.session = parsed(found.value);
      const facts = writeSessionFacts(instance, sessionFactsOf(this.session));
      const { wellTyped, token, sessionUserId, userId, expiresAt, role } = facts;
      const metadata = instance.writeHead(found.metadata, OWN_FORMAT_UNITS);
      // biome-ignore format: one argument a line would hide that these are three groups: the slot, the facts, the time
      return exports.resumeSession(
        slot, generation, number,
        wellTyped, token, sessionUserId, userId, expiresAt, role, metadata,
        now, wall, this.#store.timeoutMs,
      );
    }
    let text = 0;
    let metadata = 0;
    if (found !== null) {
      if (kind === Kind.Text) text = instance.writeHead(found.value, OWN_FORMAT_UNITS);
      else this.payload = found.value;
      metadata = instance.writeHead(found.metadata, OWN_FORMAT_UNITS);
    }
    // biome-ignore format: as above
    return exports.resume(
      slot, generation, number,
      answer.status, found !== null, text, metadata,
      now, wall, this.#store.timeoutMs,
    );
  }
}

/** Enters the core. Whatever it throws has condemned the instance. */
function guarded(op: string, instance: Instance, enter: () => number): number {
  try {
    return enter();
  } catch {
    core.condemn(instance, Date.now());
    throw coreFailed(op);
  }
}

function refusal(instance: Instance, op: string): KVClientError {
  const code = errorCodeOf(instance.field(Field.Failure)) ?? 'invalid-argument';
  const reason = instance.text(instance.field(Field.ReasonAddress), instance.field(Field.ReasonLength));
  const actual = instance.field(Field.Actual);
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
    if (typeof returned !== 'object') return { value: typeof returned === 'string' ? returned : '', metadata: '' };
    const { value, metadata } = returned as { value?: unknown; metadata?: unknown };
    if (value === null || value === undefined) return null;
    return {
      value: typeof value === 'string' ? value : '',
      metadata: metadata === null || metadata === undefined ? '' : JSON.stringify(metadata),
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
