import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import type { Call, LostCode } from './call.js';
import { type Terms, NO_TAGS, NO_TERMS } from './cache-options.js';
import { type Caller, checkString, type Recalled, type Spent } from './caller.js';
import { type Ending, endingIn, lostEnding, namesOf } from './codes.js';
import { enums } from './core.js';
import { flightId, supersede, within } from './flights.js';
import type { Instance } from './instance.js';
import { NOT_KEPT_BYTES } from './memory.js';
import type { OperationBudget } from './operation-budget.js';
import { Remembered } from './remembered.js';
import { isValid, type Validate } from './validation.js';
import { governed, insisted, overtakeWrite, waits } from './write-governor.js';

const endingOf = endingIn(namesOf(enums.CacheOutcome));
const entryStates = namesOf(enums.EntryState);

/** `fresh`; `stale`: may be answered, and should be loaded anew; `error-only`: may be answered where loading fails; `miss`. */
export type EntryState = 'fresh' | 'stale' | 'error-only' | 'miss';

/** What a look-up found. */
export interface Found extends Ending {
  state: EntryState;
  /** The value, parsed: the caller's own. Undefined for a miss. */
  value: unknown;
  /** Its JSON text. */
  text: string;
  /** Since it was made; null where it does not say. */
  ageMs: number | null;
  freshMs: number;
  staleMs: number;
  errorMs: number;
  /** How long it took to load, or 0: unknown. */
  loadMs: number;
  /** The tags named and their epochs, as the core writes them; the entry's own where none was named. */
  tags: string;
  /** The key in the store. */
  key: string;
  /** The memory tier's stamp of when the look-up began; 0 where there is none. */
  began: number;
}

/** What memory has of an entry, and what it cost. */
export interface FoundInMemory extends Found, Spent {}

/** A miss of which nothing is known. */
function missed(ending: Ending, key: string): Found {
  const nothing = { ageMs: null, freshMs: 0, staleMs: 0, errorMs: 0, loadMs: 0, began: 0 };
  return { ...ending, ...nothing, state: 'miss', value: undefined, text: '', tags: '', key };
}

function foundIn(instance: Instance, call: Call): Found {
  const { outcome, error } = endingOf(instance);
  const reply = instance.reply();
  const age = reply[Field.AgeMs] as number;
  return {
    outcome,
    error,
    state: entryStates[instance.int(Field.EntryState)] ?? 'miss',
    value: undefined,
    text: call.payload,
    ageMs: age < 0 ? null : age,
    freshMs: reply[Field.FreshMs] as number,
    staleMs: reply[Field.StaleMs] as number,
    errorMs: reply[Field.ErrorMs] as number,
    loadMs: reply[Field.LoadMs] as number,
    tags: tagsIn(instance),
    key: call.key,
    began: reply[Field.Began] as number,
  };
}

/** Whether the entry that memory has just recalled is fresh; else it is stale. */
export function isFresh(instance: Instance): boolean {
  return instance.int(Field.EntryState) === enums.EntryState.fresh;
}

/** Describes what memory has just recalled under a key. */
export function foundInMemory(recalled: Recalled, key: string): FoundInMemory {
  const { instance, payload, beganMs, kvReads, kvWrites } = recalled;
  const reply = instance.reply();
  const age = reply[Field.AgeMs] as number;
  const fresh = isFresh(instance);
  return {
    beganMs,
    kvReads,
    kvWrites,
    outcome: fresh ? 'hit' : 'stale',
    error: undefined,
    state: fresh ? 'fresh' : 'stale',
    value: (payload as Remembered).take(),
    text: '',
    ageMs: age < 0 ? null : age,
    freshMs: reply[Field.FreshMs] as number,
    staleMs: reply[Field.StaleMs] as number,
    errorMs: reply[Field.ErrorMs] as number,
    loadMs: reply[Field.LoadMs] as number,
    tags: '',
    key,
    began: 0,
  };
}

function tagsIn(instance: Instance): string {
  const length = instance.int(Field.TagsLength);
  return length === 0 ? '' : instance.text(instance.int(Field.TagsAddress), length);
}

/** What a value that is not what this cache stores comes to. */
function corrupt({ key, tags, began }: Found): Found {
  return { ...missed({ outcome: 'corrupt', error: undefined }, key), tags, began };
}

/** What is stored beside a value; see `Entries.store`. */
export interface StoredWith {
  readonly tags?: readonly string[];
  readonly epochs?: string;
  readonly loadMs?: number;
  readonly began?: number;
  readonly budget?: OperationBudget;
}

/** The operations of the core on entries, under the keys of one client. */
export class Entries {
  readonly caller: Caller;
  /** What begins every key. */
  readonly prefix: string;
  readonly #namespace: string;
  readonly #namespaceBytes: number;

  /** `clientNamespace` begins `prefix`. */
  constructor(caller: Caller, prefix: string, clientNamespace: string) {
    this.caller = caller;
    this.prefix = prefix;
    this.#namespace = clientNamespace;
    // Clients are made for each request, and most have none.
    this.#namespaceBytes = clientNamespace === '' ? 0 : new TextEncoder().encode(clientNamespace).length;
  }

  /** The whole key of what a caller names. Throws `invalid-argument` where that is no string. */
  full(key: string, op: string): string {
    checkString(key, op, 'key');
    // What KV forbids stays what it is, for the core to refuse.
    return key === '' || key === '.' || key === '..' ? key : this.prefix + key;
  }

  /** Names an epoch's place for what the isolate knows of groups: the same tag of the same namespace. */
  group(tag: string): string {
    return `${this.#namespace}:${tag}`;
  }

  /**
   * Finds an entry in memory, at once, by its whole key; undefined where it has nothing, or something that cannot be read. `early`: what
   * is fresh may be said to be stale, so that it is loaded before it ends.
   */
  recall(full: string, early: boolean): Recalled | undefined {
    return this.caller.recall(early ? this.#askEarly : this.#ask, full);
  }

  /** Answers what memory has just recalled, reported: a value of the caller's own. Most hits want no more, and a description is dear. */
  answer(recalled: Recalled, op: string): unknown {
    this.caller.report(recalled, op, isFresh(recalled.instance) ? 'hit' : 'stale', 'memory');
    return (recalled.payload as Remembered).take();
  }

  readonly #ask = (instance: Instance, full: string, nowMs: number, chance = 0): number => {
    const { store, memoryMs } = this.caller;
    instance.rewind();
    return instance.exports.recallEntry(store.id, instance.write(full), nowMs, memoryMs, chance);
  };
  readonly #askEarly = (instance: Instance, full: string, nowMs: number): number => {
    return this.#ask(instance, full, nowMs, -Math.log(1 - Math.random()));
  };

  /** Drops from memory what begins so. */
  async buryPrefix(op: string, full: string): Promise<void> {
    await this.#run(this.caller.begin(), op, NO_TAGS, (instance) => instance.exports.buryPrefix(instance.write(full)));
  }

  /** Waits until something older has reached the store, or has had its time. */
  async overtake(older: Promise<unknown>): Promise<void> {
    await within(older, this.caller.store.timeoutMs);
  }

  /** Supersedes what is being loaded or waits to be written for a key, before it is deleted. Costs nothing where nothing is. */
  overtakeWrites(full: string): Promise<void> | undefined {
    const storing = supersede(this.#id(full));
    const older = this.caller.store.keepsMetadata ? overtakeWrite(this.#id(full)) : storing;
    return older === undefined ? undefined : this.overtake(older);
  }

  /** Supersedes what is being loaded for a key, before it is written. Costs nothing where nothing is. */
  supersede(full: string): Promise<void> | undefined {
    const storing = supersede(this.#id(full));
    // Where writes take turns, this one's comes after.
    return storing === undefined || this.caller.store.keepsMetadata ? undefined : this.overtake(storing);
  }

  #id(full: string): string {
    return flightId(this.caller.store.id, full);
  }

  /** Throws for what can never work. Does no I/O. */
  async check(op: string, key: string, terms: Terms = NO_TERMS, tags: readonly string[] = NO_TAGS): Promise<void> {
    const { ttl, negativeTtl, stale, error } = terms;
    const full = this.full(key, op);
    await this.#run(this.caller.begin(), op, tags, (instance) =>
      instance.exports.checkEntry(instance.write(full), ttl, negativeTtl, stale, error),
    );
  }

  /** Throws for what cannot be the beginning of keys to delete. Does no I/O. */
  async checkPrefix(op: string, prefix: string): Promise<void> {
    await this.#run(this.caller.begin(), op, NO_TAGS, (instance) => instance.exports.checkPrefix(instance.write(prefix)));
  }

  /** Looks an entry up and parses it, and tells the listener; whatever goes wrong is a miss. Throws for what cannot be a key. */
  async read(
    op: string,
    key: string,
    tags: readonly string[] = NO_TAGS,
    terms: Terms = NO_TERMS,
    validate?: Validate,
  ): Promise<Found> {
    const call = this.caller.begin();
    const found = await this.find(call, op, key, tags, terms, validate);
    this.report(call, op, found);
    this.caller.release(call);
    return found;
  }

  /** The same, on a call of the caller's, and without a word to the listener. */
  async find(
    call: Call,
    op: string,
    key: string,
    tags: readonly string[],
    { ttl, negativeTtl, stale, error }: Terms,
    validate?: Validate,
  ): Promise<Found> {
    const full = this.full(key, op);
    call.input = full;
    call.payload = '';
    const found = await call.run<undefined, Found>(
      {
        op,
        begin: (instance) =>
          named(instance, tags)
            ? instance.exports.lookUpEntry(instance.write(full), this.#namespaceBytes, ttl, negativeTtl, stale, error)
            : State.Refused,
        end: this.#parsed,
        lost: (code: LostCode) => missed(lostEnding(code), full),
      },
      undefined,
    );
    if (found.state === 'miss' || validate === undefined || (await isValid(validate, found.value))) return found;
    return corrupt(found);
  }

  /** What a look-up found, parsed; memory keeps what can be. */
  readonly #parsed = (instance: Instance, call: Call): Found => {
    const found = foundIn(instance, call);
    if (found.state === 'miss') return found;
    try {
      found.value = JSON.parse(found.text);
    } catch {
      // Not what this cache stores.
      return corrupt(found);
    }
    if (this.caller.memoryMs > 0) this.#remember(instance, found.text);
    return found;
  };

  #remember(instance: Instance, text: string): void {
    const payload = new Remembered(text);
    instance.remember(payload, payload.bytes);
  }

  report(call: Spent, op: string, { outcome, error }: Ending): void {
    this.caller.report(call, op, outcome, outcome === 'hit' || outcome === 'stale' ? 'kv' : 'none', error);
  }

  reportRecalled(found: FoundInMemory, op: string): void {
    this.caller.report(found, op, found.outcome, 'memory');
  }

  /** The epochs of tags as they are now, as the core writes them; null where they cannot be read. */
  async readEpochs(op: string, tags: readonly string[]): Promise<string | null> {
    const call = this.caller.begin();
    const found = await call.run<undefined, Found>(
      {
        op,
        begin: (instance) =>
          named(instance, tags) ? instance.exports.readEpochs(instance.write(this.#namespace)) : State.Refused,
        end: foundIn,
        lost: (code: LostCode) => missed(lostEnding(code), ''),
      },
      undefined,
    );
    this.report(call, op, found);
    return found.error === undefined ? found.tags : null;
  }

  /**
   * Stores a JSON text. `negative`: it is null. `loadMs`: how long the value took to load, -1 for one that was not loaded.
   * `epochs`: those read before the value was made; where there are none, those of `tags` are read now. `began`: what the look-up
   * before the value was made said. `budget`: what the writes of this call may take together; one for which nothing is left is
   * `aborted`, and takes the place of none that waits.
   */
  async store(op: string, key: string, text: string, terms: Terms, more: StoredWith): Promise<Ending> {
    const full = this.full(key, op);
    const { store } = this.caller;
    const { budget } = more;
    if (budget?.left === 0) return this.#giveUp(op);
    const attempt = async (): Promise<Ending> =>
      budget?.spend() === false ? this.#giveUp(op) : await this.#store(op, full, text, terms, more);
    // What is no KV namespace takes writes as they come; and an answer that waits for the write after a load waits for no turn.
    const isAwaited = more.loadMs !== undefined && !this.caller.defers;
    if (!store.keepsMetadata || isAwaited) return await attempt();
    const id = this.#id(full);
    // A write that is wrong must not take the place of one that was accepted.
    if (waits(id)) await this.check(op, key, terms, more.tags);
    return await governed(id, store.timeoutMs, attempt);
  }

  #giveUp(op: string): Ending {
    const ending: Ending = { outcome: 'failed', error: 'aborted' };
    this.report(this.caller.begin(), op, ending);
    return ending;
  }

  async #store(
    op: string,
    full: string,
    text: string,
    terms: Terms,
    { tags = NO_TAGS, epochs = '', loadMs = -1, began = 0 }: StoredWith,
  ): Promise<Ending> {
    const { ttl, negativeTtl, stale, error } = terms;
    const call = this.caller.begin();
    call.input = full;
    call.payload = text;
    const begin = (instance: Instance): number => {
      const [length, keepsMetadata] = [instance.write(full), this.caller.store.keepsMetadata];
      const read = epochs === '' ? 0 : instance.write(epochs);
      // biome-ignore format: what, for how long, and what else is known
      return instance.exports.storeEntry(
        length, this.#namespaceBytes,
        ttl, negativeTtl, stale, error,
        text === 'null', keepsMetadata, loadMs, read, began,
      );
    };
    const ending = await this.#run(call, op, tags, begin, (instance) => {
      const stored = endingOf(instance);
      if (this.caller.memoryMs > 0) this.#remember(instance, text);
      else instance.remember(undefined, NOT_KEPT_BYTES);
      return stored;
    });
    this.caller.report(call, op, ending.outcome, 'kv', ending.error);
    call.payload = '';
    this.caller.release(call);
    return ending;
  }

  /** Deletes an entry by its whole key; what the budget does not allow is `aborted`. */
  delete(op: string, full: string, budget?: OperationBudget): Promise<Ending> {
    return insisted(async () => (budget?.spend() === false ? this.#giveUp(op) : await this.#delete(op, full)));
  }

  async #delete(op: string, full: string): Promise<Ending> {
    const call = this.caller.begin();
    call.input = full;
    const ending = await this.#run(call, op, NO_TAGS, (instance) => instance.exports.deleteEntry(instance.write(full)));
    this.caller.report(call, op, ending.outcome, 'kv', ending.error);
    return ending;
  }

  /** Gives a tag another epoch. */
  invalidate(op: string, tag: string): Promise<Ending> {
    return insisted(() => this.#invalidate(op, tag));
  }

  async #invalidate(op: string, tag: string): Promise<Ending> {
    const call = this.caller.begin();
    const ending = await this.#run(call, op, [tag], (instance) =>
      instance.exports.invalidateTag(instance.write(this.#namespace), randomEpoch()),
    );
    this.caller.report(call, op, ending.outcome, 'kv', ending.error);
    return ending;
  }

  #run(
    call: Call,
    op: string,
    tags: readonly string[],
    begin: (instance: Instance) => number,
    end: (instance: Instance) => Ending = endingOf,
  ): Promise<Ending> {
    const steps = {
      op,
      begin: (instance: Instance) => (named(instance, tags) ? begin(instance) : State.Refused),
      end,
      lost: lostEnding,
    };
    return call.run(steps, undefined);
  }
}

/** Names the tags of the call about to be entered. False where the core refused one, and has said why. */
function named(instance: Instance, tags: readonly string[]): boolean {
  for (const tag of tags) {
    instance.rewind();
    if (instance.exports.nameTag(instance.write(tag)) === State.Refused) return false;
  }
  if (tags.length > 0) instance.rewind();
  return true;
}

/** A random whole number below 2^53. */
function randomEpoch(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1f_ffff) * 2 ** 32 + low;
}
