import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import * as Verb from './codex-core.verb.js';
import * as Kind from './codex-core.kind.js';
import { errorCodeOf } from './codes.js';
import { core } from './core.js';
import { type EntryFacts, entryFactsOf, metadataIn, NO_FACTS, writeEntryTexts } from './entry-facts.js';
import { KVClientError } from './errors.js';
import type { Instance } from './instance.js';
import {
  giveToken,
  NO_STAMPS,
  NO_TEXTS,
  type SessionStamps,
  sessionFactsOf,
  stampsOf,
  writeSessionFacts,
} from './session-facts.js';
import { type KVPutOptions, type Store, statusOf } from './store.js';

/** No counter, watermark or metadata of ours is longer; of what is, the core sees so much and finds it wanting. */
const OWN_FORMAT_UNITS = 2048;

/** No watermark, fence or epoch of ours is longer; a hundred of them fit beside the rest. */
const FURTHER_UNITS = 128;

/** What went well, as KV's HTTP status would say it, and what had no answer in time. */
const OK = 200;
const TIMED_OUT = 504;

/** Turns of the microtask queue given to a store that keeps everything in memory, before a timer is set for a slow one. */
const PATIENT_TURNS = 4;

/** Why a call did not end. */
export type LostCode = 'aborted' | 'core-failed';

/** What is peculiar to a kind of call, given its argument. One object for all calls of the kind: a function costs as much as a step. */
export interface Steps<Argument, T> {
  /** The method's name, for messages. */
  readonly op: string;
  /** Writes the texts and enters the core. */
  begin(instance: Instance, argument: Argument): number;
  /** The texts that `begin` writes as one string, where that is not `call.input`; asked for only if the call waits. */
  input?(argument: Argument): string;
  /** Reads the outcome, at once, before another call overwrites it. */
  end(instance: Instance, call: Call, argument: Argument): T;
  /** Goes on where the core asks for somebody else than the store. */
  ask?(instance: Instance, call: Call, argument: Argument): T | Promise<T>;
  /** The outcome of a call that did not end. */
  lost(code: LostCode, call: Call, argument: Argument): T;
}

const NO_STEPS: Steps<unknown, unknown> = { op: '', begin: () => 0, end: nothing, lost: nothing };

/**
 * One call into the core, from its first entry to its end. Whenever the core waits for the store, this performs the operation
 * on the real binding and enters the core again with the answer. Any number of calls may be under way at once.
 *
 * With callbacks, and with as few promises and functions as will do, since they are most of what a call costs beside the
 * store itself.
 */
export class Call {
  /** The clock as it stood when the call began, in Unix milliseconds. */
  beganMs = 0;
  /** What the texts that `begin` writes are as one string, where that may be the key. */
  input = '';
  /** The JSON text of a value that stays on this side: what to put, or what was found. */
  payload = '';
  /** The key of the first operation, as the store has it. */
  key = '';
  /** The session that was found, parsed. */
  session: unknown = undefined;
  /** What its metadata says of when it was made. */
  stamps: SessionStamps = NO_STAMPS;
  /** The token that a session is to get which was stored without one. */
  token = '';
  kvReads = 0;
  kvWrites = 0;
  /** Whether an answer took its time, so that the clock may have moved. */
  waited = false;
  readonly #store: Store;
  readonly #clock: () => number;
  #steps: Steps<unknown, unknown> = NO_STEPS;
  #argument: unknown = undefined;
  #instance: Instance | null = null;
  #state = 0;
  #resolve: (value: unknown) => void = nothing;
  #reject: (error: unknown) => void = nothing;

  // The operation under way.
  #waits = false;
  #slot = 0;
  #generation = 0;
  #verb = 0;
  #kind = 0;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #watched = false;
  #turnsLeft = 0;
  #succeeded: (value: unknown) => void;
  #failed: (error: unknown) => void;
  readonly #watch: () => void;
  readonly #goOn: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

  // What a read found: a text, and its metadata as JSON or empty, or as the facts of a cache entry.
  #found = false;
  #foundText = '';
  #foundMetadata = '';
  #foundEntry: EntryFacts = NO_FACTS;
  #foundStamps: SessionStamps = NO_STAMPS;
  /** What the further keys hold; empty where there were none. */
  #further: (string | null)[] = NONE;

  /** The keys of the read under way, where it is one of several. */
  #keys: readonly string[] = NO_KEYS;
  /** By what these are known, or 0. */
  #knownKeys = 0;
  #cacheTtl = 0;
  #key = '';
  #keyAddress = 0;
  #keyLength = 0;

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
    this.#succeeded = this.#onSuccess();
    this.#failed = this.#onFailure();
    this.#watch = () => this.#lookAfter();
    this.#goOn = (resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#go(this.#instance as Instance, this.#state);
    };
  }

  /** Reads the clock. A call that has ended may be begun again, by whoever has taken from it all that was found. */
  begin(): void {
    this.beganMs = this.#clock();
    this.kvReads = 0;
    this.kvWrites = 0;
    this.waited = false;
    this.token = '';
    this.#keyAddress = 0;
    this.#keyLength = 0;
  }

  /**
   * Runs the call. Rejects with a {@link KVClientError} for what the core refuses. A call that did not end, because its request
   * was taken for dead or the core trapped, comes out as the steps say.
   */
  run<Argument, T>(steps: Steps<Argument, T>, argument: Argument): Promise<T> {
    this.#steps = steps as Steps<unknown, unknown>;
    this.#argument = argument;
    const wallMs = this.#wall(this.beganMs);
    const instance = core.acquire(wallMs);
    if (instance === null) return this.#lost('core-failed') as Promise<T>;
    let state: number;
    // Whatever is thrown in here comes from the core, and has condemned the instance.
    try {
      instance.enter(this.#store.id, this.beganMs, wallMs, this.#store.timeoutMs);
      state = steps.begin(instance, argument);
      instance.settle();
    } catch {
      core.condemn(instance, Date.now());
      return this.#lost('core-failed') as Promise<T>;
    }
    // Most calls end here, without a promise that would have to be resolved.
    if (state === State.Done) return Promise.resolve(steps.end(instance, this, argument));
    this.#instance = instance;
    this.#state = state;
    return new Promise(this.#goOn as (resolve: (value: T) => void, reject: (error: unknown) => void) => void);
  }

  /** Knows the session that has just been found, where its keys are known, the next time. To be called at once, as `end` is. */
  knowSession(instance: Instance): void {
    if (this.#knownKeys === 0) return;
    const endMs = instance.reply()[Field.ExpiresAt] as number;
    this.session = instance.sessions.keep(this.#knownKeys, this.payload, this.session, endMs);
  }

  /** Goes on as the core says. */
  #go(instance: Instance, state: number): void {
    if (state === State.Waiting) this.#perform(instance);
    else if (state === State.Done) this.#resolve(this.#steps.end(instance, this, this.#argument));
    else if (state === State.Ask) this.#resolve(this.#steps.ask?.(instance, this, this.#argument));
    else if (state === State.Refused) this.#reject(refusal(this.#steps.op, instance));
    else this.#lose('aborted');
  }

  #trapped(instance: Instance): void {
    core.condemn(instance, Date.now());
    this.#lose('core-failed');
  }

  #lose(code: LostCode): void {
    this.#resolve(this.#lost(code));
  }

  async #lost(code: LostCode): Promise<unknown> {
    return this.#steps.lost(code, this, this.#argument);
  }

  /** The real clock, which is `now` itself unless the caller has a clock of its own. */
  #wall(now: number): number {
    return this.#clock === Date.now ? now : Date.now();
  }

  /** Begins on the binding what the reply asks for. */
  #perform(instance: Instance): void {
    this.#slot = instance.int(Field.Slot);
    this.#generation = instance.int(Field.Generation);
    this.#verb = instance.int(Field.Verb);
    this.#kind = instance.int(Field.Kind);
    this.#waits = true;
    this.#operation(instance).then(this.#succeeded, this.#failed);
    this.#turnsLeft = PATIENT_TURNS;
    if (this.#watched) return;
    this.#watched = true;
    void SETTLED.then(this.#watch);
  }

  #operation(instance: Instance): Promise<unknown> {
    const store = this.#store;
    this.#keys = NO_KEYS;
    this.#knownKeys = 0;
    if (this.#verb === Verb.Get) {
      const cacheTtl = instance.int(Field.CacheTtlSeconds);
      const further = instance.int(Field.FurtherKeys);
      this.kvReads += 1 + further;
      if (further > 0) {
        this.#keys = this.#keysIn(instance);
        this.#cacheTtl = cacheTtl;
        return store.getBulk(this.#keys, cacheTtl) ?? store.getAll(this.#keys, cacheTtl);
      }
      const key = this.#keyIn(instance);
      return this.#kind === Kind.Text ? store.get(key, cacheTtl) : store.getWithMetadata(key, cacheTtl);
    }
    const key = this.#keyIn(instance);
    this.kvWrites++;
    if (this.#verb === Verb.Delete) return store.delete(key);

    const options: KVPutOptions = { expirationTtl: instance.int(Field.TtlSeconds) };
    if (store.keepsMetadata && instance.int(Field.Entry) === 1) {
      options.metadata = metadataIn(instance);
    } else if (store.keepsMetadata && instance.int(Field.MetadataLength) !== 0) {
      options.metadata = JSON.parse(textIn(instance, Field.MetadataAddress, Field.MetadataLength));
    }
    const value = this.#kind === Kind.Payload ? this.payload : textIn(instance, Field.ValueAddress, Field.ValueLength);
    return store.put(key, value, options);
  }

  /** The key the reply names. The core keeps it in its place until the call ends, so the same place holds the same key. */
  #keyIn(instance: Instance): string {
    const address = instance.int(Field.KeyAddress);
    const length = instance.int(Field.KeyLength);
    if (address !== this.#keyAddress || length !== this.#keyLength) {
      const isInput = this.#keyLength === 0 && instance.int(Field.KeyIsInput) === 1;
      this.#key = isInput ? this.#inputText() : instance.text(address, length);
      if (this.#keyLength === 0) this.key = this.#key;
      this.#keyAddress = address;
      this.#keyLength = length;
    }
    return this.#key;
  }

  /** The keys of a read of several. */
  #keysIn(instance: Instance): readonly string[] {
    const number = instance.reply()[Field.KnownKeys] as number;
    this.#knownKeys = number;
    const keys = instance.keysOfKnown(number) ?? instance.keysOfRead(number, this.#keyIn(instance));
    this.#key = keys[0] as string;
    this.#keyAddress = instance.int(Field.KeyAddress);
    this.#keyLength = instance.int(Field.KeyLength);
    return keys;
  }

  #inputText(): string {
    return this.#steps.input?.(this.#argument) ?? this.input;
  }

  /** Hears how an operation went. After a timeout there are new ears for the next one, and what these hear is too late. */
  #onSuccess(): (value: unknown) => void {
    const listener = (value: unknown): void => {
      if (listener === this.#succeeded) this.#answered(OK, value);
    };
    return listener;
  }

  #onFailure(): (error: unknown) => void {
    const listener = (error: unknown): void => {
      if (listener === this.#failed) this.#answered(statusOf(error), null);
    };
    return listener;
  }

  /** Gives a store that answers at once a few turns, and sets a timer for any other. */
  #lookAfter(): void {
    if (!this.#waits) {
      this.#watched = false;
      return;
    }
    if (--this.#turnsLeft > 0) {
      void SETTLED.then(this.#watch);
      return;
    }
    this.#watched = false;
    this.#timer = startTimer(() => this.#timedOut(), this.#store.timeoutMs);
  }

  #timedOut(): void {
    this.#succeeded = this.#onSuccess();
    this.#failed = this.#onFailure();
    this.#answered(TIMED_OUT, null);
  }

  /** Enters the core with an answer. */
  #answered(status: number, value: unknown): void {
    if (status === OK && this.#keys.length > 0 && !(value instanceof Map || Array.isArray(value))) {
      this.#store.getEach(this.#keys, this.#cacheTtl).then(this.#succeeded, this.#failed);
      return;
    }
    const instance = this.#instance as Instance;
    // Without a timer the answer came before any input or output could, and no clock has moved meanwhile.
    const atOnce = this.#timer === undefined;
    if (!atOnce) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.waited = true;
    }
    this.#waits = false;
    if (!core.isCurrent(instance)) {
      this.#lose('core-failed');
      return;
    }
    this.#further = NONE;
    if (this.#verb === Verb.Get) this.#takeAll(value);
    else this.#found = false;
    try {
      const state = this.#enterAgain(instance, status, atOnce);
      instance.settle();
      this.#go(instance, state);
    } catch {
      this.#trapped(instance);
    }
  }

  #enterAgain(instance: Instance, status: number, atOnce: boolean): number {
    const now = atOnce ? this.beganMs : this.#clock();
    const wall = this.#wall(now);
    const { number, exports } = instance;
    const { timeoutMs } = this.#store;
    instance.rewind();

    if (this.#found && this.#kind === Kind.Session) {
      const text = this.#foundText;
      this.payload = text;
      this.stamps = this.#foundStamps;
      const known = instance.sessions.find(this.#knownKeys, text);
      let facts = NO_TEXTS;
      let knownEnd = Number.NaN;
      if (known === undefined) {
        this.session = parsed(text);
        if (this.token !== '') giveToken(this.session, this.token);
        facts = writeSessionFacts(instance, sessionFactsOf(this.session));
      } else {
        this.session = known.value.copy();
        this.#knownKeys = 0;
        knownEnd = known.endMs;
      }
      const { wellTyped, token, sessionUserId, userId, expiresAt, role } = facts;
      const { l, o, t } = this.stamps;
      const further = this.#writeFurther(instance);
      // biome-ignore format: the slot, the facts, the time
      return exports.resumeSession(
        this.#slot, this.#generation, number,
        wellTyped, token, sessionUserId, userId, expiresAt, role, knownEnd, l, o, t, further,
        now, wall, timeoutMs,
      );
    }
    if (this.#found && this.#kind === Kind.Payload) {
      this.payload = this.#foundText;
      const { c, s, g, e, d, n, x } = this.#foundEntry;
      const [tags, keyDigest] = writeEntryTexts(instance, this.#foundEntry);
      const further = this.#writeFurther(instance);
      // biome-ignore format: the slot, the facts, the time
      return exports.resumeEntry(
        this.#slot, this.#generation, number,
        c, s, g, e, d, n, x, tags, keyDigest, further,
        now, wall, timeoutMs,
      );
    }
    let text = 0;
    let metadata = 0;
    if (this.#found) {
      text = instance.writeHead(this.#foundText, OWN_FORMAT_UNITS);
      metadata = instance.writeHead(this.#foundMetadata, OWN_FORMAT_UNITS);
    }
    const further = this.#writeFurther(instance);
    // biome-ignore format: the slot, what was found, the time
    return exports.resume(
      this.#slot, this.#generation, number, status,
      this.#found, text, metadata, further,
      now, wall, timeoutMs,
    );
  }

  #writeFurther(instance: Instance): number {
    if (this.#further.length > 0) instance.writeFurther(this.#further, FURTHER_UNITS);
    return this.#further.length;
  }

  /** Takes what a read of one key, or of several, returned apart. */
  #takeAll(returned: unknown): void {
    const keys = this.#keys;
    if (keys.length === 0 || returned === null) {
      this.#take(returned);
      return;
    }
    const map = returned instanceof Map ? returned : null;
    const further = new Array<string | null>(keys.length - 1);
    for (let at = 1; at < keys.length; at++) {
      further[at - 1] = textOf(map === null ? (returned as unknown[])[at] : map.get(keys[at]));
    }
    this.#further = further;
    this.#take(map === null ? (returned as unknown[])[0] : map.get(keys[0]));
  }

  /** Takes what a store returned apart. A value that is no text is one that nobody can read. */
  #take(returned: unknown): void {
    this.#foundText = '';
    this.#foundMetadata = '';
    this.#foundEntry = NO_FACTS;
    this.#foundStamps = NO_STAMPS;
    this.#found = returned !== null && returned !== undefined;
    if (!this.#found) return;
    if (typeof returned === 'string') {
      this.#foundText = returned;
      return;
    }
    try {
      const { value, metadata } = returned as { value?: unknown; metadata?: unknown };
      this.#found = value !== null && value !== undefined;
      if (typeof value === 'string') this.#foundText = value;
      if (this.#kind === Kind.Payload) this.#foundEntry = entryFactsOf(metadata);
      else if (this.#kind === Kind.Session) this.#foundStamps = stampsOf(metadata);
      else if (metadata !== null && metadata !== undefined) this.#foundMetadata = JSON.stringify(metadata) ?? '';
    } catch {
      this.#foundText = '';
      this.#foundMetadata = '';
    }
  }
}

function nothing(): void {}

/** What was found under a key of which the text alone counts. A value that is no text is one that nobody can read. */
function textOf(returned: unknown): string | null {
  if (returned === null || returned === undefined) return null;
  try {
    const value = typeof returned === 'string' ? returned : (returned as { value?: unknown }).value;
    if (value === null || value === undefined) return null;
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

/** What runs after it runs in the next turn of the microtask queue. It belongs to no request. */
const SETTLED: Promise<void> = Promise.resolve();

const NONE: (string | null)[] = [];
const NO_KEYS: readonly string[] = [];

function textIn(instance: Instance, address: number, length: number): string {
  return instance.text(instance.int(address), instance.int(length));
}

/** A timer; none outside of a request, where a Worker may set none and can do no input or output either. */
function startTimer(over: () => void, ms: number): ReturnType<typeof setTimeout> | undefined {
  try {
    return setTimeout(over, ms);
  } catch {
    return undefined;
  }
}

/** The error of a call that the core refused. */
export function refusal(op: string, instance: Instance): KVClientError {
  const code = errorCodeOf(instance.int(Field.Failure)) ?? 'invalid-argument';
  const reason = instance.text(instance.int(Field.ReasonAddress), instance.int(Field.ReasonLength));
  const actual = instance.reply()[Field.Actual] as number;
  return new KVClientError(code, `${op}: ${reason}${Number.isNaN(actual) ? '' : ` (got ${actual})`}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
