import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import { DurableObject } from 'cloudflare:workers';
import { refusal } from './call.js';
import { numberOr } from './caller.js';
import { core, enums } from './core.js';
import { KVClientError, storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import { ATTEMPTS_NUMBERS, type KnownAttempts, type LimitAnswer, type LimitObject, type LimitRequest } from './limit-object.js';
import { type LimitRow, type LimitRows, LimitsInMemory, StoredLimits } from './limit-rows.js';
import { windowMsOf } from './rate-limit-config.js';

/** KV's limit on a key (developers.cloudflare.com/kv/platform/limits): the core makes none that is longer. */
const MAX_KEY_UNITS = 512;

/** A request whose fields are of the types they should be, and what its count is kept under. */
interface Attempt extends LimitRequest {
  rule: string;
}

/**
 * The Durable Object that keeps counts exactly, for {@link RateLimiterClient} to ask. Export it from the Worker's main
 * module, bind it, and pass the binding as `authority`:
 *
 * ```toml
 * durable_objects.bindings = [{ name = "LIMITS", class_name = "RateLimitAuthority" }]
 * migrations = [{ tag = "v1", new_sqlite_classes = ["RateLimitAuthority"] }]
 * ```
 *
 * It decides by the core's pure policies alone, on what its own rows say: nothing of the isolate's memory, which it may share
 * with the Worker and with other objects. Between reading a row and writing it nothing is awaited, so no other request comes
 * between. No answer leaves before what was written is durable: the output gate holds it back
 * (developers.cloudflare.com/durable-objects/api/sqlite-storage-api, blog.cloudflare.com/durable-objects-easy-fast-correct-choose-three).
 * What counts no longer is cleared by an alarm, some minutes later.
 *
 * Every method throws for arguments that the client does not send, and `core-failed` where the core is being replaced; nothing
 * has been counted then.
 */
export class RateLimitAuthority extends DurableObject implements LimitObject {
  readonly #inMemory = new LimitsInMemory();
  #stored: StoredLimits | undefined;

  /** Decides attempts, in order. Cost: 1 or 2 rows read for each, 1 written for each that is counted; nothing for a denial. */
  async check(requests: readonly LimitRequest[], counts: boolean, durable: boolean): Promise<LimitAnswer[]> {
    if (!Array.isArray(requests)) throw new KVClientError('invalid-argument', 'check: requests must be an array');
    const attempts = requests.map((request) => attemptIn(request, 'check'));
    const rows = this.#rows(durable);
    const now = Date.now();
    // Nothing is kept before all have passed, and those on the same count see each other.
    const counted = new Map<string, LimitRow>();
    const answers = attempts.map((attempt) => {
      const { key, rule } = attempt;
      const name = `${rule} ${key}`;
      const answer = judged(attempt, counted.get(name)?.known ?? rows.known(key, rule), counts === true, now);
      if (answer.sequence > 0) counted.set(name, { key, rule, known: answer.known, until: answer.resetAt });
      return answer;
    });
    if (answers.every(({ allowed }) => allowed)) {
      rows.keep([...counted.values()], now);
      return answers;
    }
    return attempts.map((attempt, index) => {
      const answer = answers[index] as LimitAnswer;
      const known = rows.known(attempt.key, attempt.rule);
      return answer.allowed ? judged(attempt, known, false, now) : { ...answer, known };
    });
  }

  async refund(request: LimitRequest, opening: number, sequence: number, durable: boolean): Promise<void> {
    const { key, rule, limit, window, algorithm, burst, cost } = attemptIn(request, 'refund');
    const rows = this.#rows(durable);
    const now = Date.now();
    const known = rows.known(key, rule);
    const instance = entered('refund', (instance) => {
      instance.writeNumbers(known);
      const named = [numberOr(opening), numberOr(sequence)] as const;
      return instance.exports.takeBackAttempt(instance.write(key), limit, window, algorithm, burst, cost, ...named, now);
    });
    if (instance.int(Field.Outcome) === 1)
      rows.keep([{ key, rule, known: instance.numbers(ATTEMPTS_NUMBERS), until: now }], now);
  }

  async block(key: string, seconds: number, durable: boolean): Promise<void> {
    checkKey(key, 'block');
    const now = Date.now();
    const instance = entered('block', (instance) => instance.exports.blockEnd(numberOr(seconds), now));
    this.#rows(durable).block(key, instance.reply()[Field.ResetAt] as number, now);
  }

  async unblock(key: string, durable: boolean): Promise<void> {
    checkKey(key, 'unblock');
    this.#rows(durable).unblock(key);
  }

  async reset(key: string, durable: boolean): Promise<void> {
    checkKey(key, 'reset');
    this.#rows(durable).forget(key);
  }

  /** Clears what counts no longer. Called by the runtime. */
  override async alarm(): Promise<void> {
    this.#durable().sweep(Date.now());
  }

  #rows(durable: boolean): LimitRows {
    return durable === false ? this.#inMemory : this.#durable();
  }

  /** Made when it is first needed: an object that is to write nothing has no tables either. */
  #durable(): StoredLimits {
    this.#stored ??= new StoredLimits(this.ctx.storage);
    return this.#stored;
  }
}

function judged(attempt: Attempt, known: KnownAttempts, counts: boolean, now: number): LimitAnswer {
  const { key, limit, window, algorithm, burst, cost } = attempt;
  const instance = entered('check', (instance) => {
    instance.writeNumbers(known);
    return instance.exports.judgeAttempt(instance.write(key), limit, window, algorithm, burst, cost, counts, now);
  });
  const reply = instance.reply();
  return {
    allowed: instance.int(Field.Allowed) === 1,
    remaining: instance.int(Field.Remaining),
    resetAt: reply[Field.ResetAt] as number,
    retryAfterMs: reply[Field.RetryAfterMs] as number,
    reason: instance.int(Field.Reason),
    opening: reply[Field.TicketOpening] as number,
    sequence: reply[Field.TicketSequence] as number,
    known: instance.numbers(ATTEMPTS_NUMBERS),
  };
}

/** Enters the core. Throws what it refused, and `core-failed` where there is none; whatever it throws itself has condemned it. */
function entered(op: string, enter: (instance: Instance) => number): Instance {
  const instance = core.acquire(Date.now());
  if (instance === null) throw storeFailure(op, 'core-failed');
  let state: number;
  try {
    instance.rewind();
    state = enter(instance);
  } catch {
    core.condemn(instance, Date.now());
    throw storeFailure(op, 'core-failed');
  }
  if (state !== State.Done) throw refusal(op, instance);
  return instance;
}

/** Takes a request apart. What is no number becomes one that the core refuses; a BigInt would be thrown out of it. */
function attemptIn(request: unknown, op: string): Attempt {
  const { key, limit, window, algorithm, burst, cost } = (request ?? {}) as Partial<LimitRequest>;
  checkKey(key, op);
  if (!Object.values<unknown>(enums.Algorithm).includes(algorithm)) {
    throw new KVClientError('invalid-config', `${op}: algorithm must be the number of one`);
  }
  const rule = { limit: numberOr(limit), window: numberOr(window), algorithm: algorithm as number, burst: numberOr(burst) };
  // A burst that is not given is the limit, in whichever words.
  const kept = [rule.algorithm, rule.limit, windowMsOf(rule.window), Number.isNaN(rule.burst) ? rule.limit : rule.burst];
  return { key, ...rule, cost: numberOr(cost), rule: kept.join(':') };
}

function checkKey(key: unknown, op: string): asserts key is string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_UNITS) return;
  throw new KVClientError('invalid-argument', `${op}: key must be that of a counter`);
}
