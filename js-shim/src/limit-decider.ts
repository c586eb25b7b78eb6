import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import type { Call, Steps } from './call.js';
import type { Caller, Spent } from './caller.js';
import { errorCodeOf } from './codes.js';
import { core, enums } from './core.js';
import { type ErrorCode, storeFailure } from './errors.js';
import { type FallbackLimits, fallbackOf, isNamed, isOutlived, type Kept, takeFrom } from './fallback-limits.js';
import type { Instance } from './instance.js';
import { type LimitAnswer, type LimitObject, type LimitObjects, numbersOf, type LimitRequest } from './limit-object.js';
import { decisions } from './meter.js';
import { isSameRule, type Rule } from './rate-limit-config.js';
import { type RateLimitResult, type RateLimitTicket, ticketOf, verdictIn } from './rate-limit-result.js';

const { limit: counted } = decisions;
/** How often a counter is tried to be written for one attempt; after that, it goes along with the next. */
const WRITE_ROUNDS = 4;

/** An attempt, and what is asked about it. */
export interface Attempt {
  readonly op: string;
  readonly identifier: string;
  readonly rule: Rule;
  readonly cost: number;
  /** False: only tell what would be decided. */
  readonly counts: boolean;
  /** What this isolate keeps of the caller, once it has been looked up. */
  kept?: Kept | undefined;
}

/** The object that keeps the count of an attempt is to be asked. */
interface Asked {
  readonly key: string;
  readonly shard: number;
}

/** Which attempt it was. */
type Counted = Pick<RateLimitTicket, 'counter' | 'opening' | 'sequence'>;

/** What came of writing, refunding, blocking or resetting. */
interface Done {
  readonly error: ErrorCode | undefined;
  /** Milliseconds until the counter is to be written, or -1. */
  readonly writeInMs: number;
}

/** Who decides, and what happens where they cannot; in the order in which the core packs it. */
export type PolicyParts = Parameters<Instance['exports']['limitPolicy']>;

/** Leads attempts through the core and, where there is one, the object that keeps their count. */
export class LimitDecider {
  readonly #caller: Caller;
  readonly #objects: LimitObjects | null;
  readonly #onUnavailable: 'local' | 'deny' | 'allow';
  readonly #shadow: boolean;
  readonly #policyParts: PolicyParts;
  readonly #fallback: FallbackLimits;
  #packedPolicy = -1;

  constructor(
    caller: Caller,
    objects: LimitObjects | null,
    onUnavailable: 'local' | 'deny' | 'allow',
    policyParts: PolicyParts,
  ) {
    this.#caller = caller;
    this.#objects = objects;
    this.#onUnavailable = onUnavailable;
    this.#shadow = policyParts[2];
    this.#policyParts = policyParts;
    this.#fallback = fallbackOf(caller.store.kv);
  }

  readonly #check: Steps<Attempt, RateLimitResult> = {
    op: 'checkLimit',
    begin: (instance, { identifier, rule, cost, counts }) =>
      instance.exports.checkLimit(
        instance.write(rule.keyPrefix),
        instance.write(identifier),
        rule.limit,
        rule.window,
        rule.algorithm,
        rule.burst,
        cost,
        counts,
        this.#policy(instance),
      ),
    input: inputOf,
    end: (instance, call, attempt) => this.#decided(instance, call, attempt),
    ask: (instance, call, attempt) => this.#ask(askedIn(instance), call, attempt),
    lost: (code, call, attempt) => this.#withoutCore(code, call, attempt),
  };

  /** The same, except that the object is not asked yet. */
  readonly #locate: Steps<Attempt, RateLimitResult | Asked> = { ...this.#check, ask: (instance) => askedIn(instance) };

  readonly #settle: Steps<{ attempt: Attempt; answer: LimitAnswer | null; beganMs: number }, RateLimitResult> = {
    op: 'checkLimit',
    begin: (instance, { attempt, answer }) => {
      if (answer !== null) instance.writeNumbers(numbersOf(answer));
      return instance.exports.settleLimit(
        ...named(instance, attempt),
        attempt.cost,
        attempt.counts,
        this.#policy(instance),
        answer !== null,
      );
    },
    end: (instance, call, { attempt, beganMs }) => {
      // The event tells how long the caller has waited, the object included.
      call.beganMs = beganMs;
      call.waited = true;
      return this.#decided(instance, call, attempt);
    },
    lost: (code, call, { attempt }) => this.#withoutCore(code, call, attempt),
  };

  /** Decides an attempt, and counts it where it is to be. */
  decide(op: string, identifier: string, rule: Rule, cost: number, counts: boolean): Promise<RateLimitResult> {
    const kept = this.#fallback.find(rule.keyPrefix, identifier);
    const again = kept === undefined ? undefined : this.#decideAgain(kept, op, identifier, rule, cost, counts);
    return again === undefined ? this.#decideAnew({ op, identifier, rule, cost, counts, kept }) : Promise.resolve(again);
  }

  /**
   * Decides by the counter that the core has found before, without a call and with no more objects than the caller gets. Undefined
   * where that will not do.
   */
  #decideAgain(
    kept: Kept,
    op: string,
    identifier: string,
    rule: Rule,
    cost: number,
    counts: boolean,
  ): RateLimitResult | undefined {
    const instance = core.current;
    if (instance === null || kept.instance !== instance.number || !isSameRule(kept.rule, rule)) return undefined;
    const { place, born } = kept;
    const now = this.#caller.now();
    try {
      const state = instance.exports.checkKnownLimit(place, born, cost, counts, this.#policy(instance), now);
      if (state !== State.Done) return undefined;
    } catch {
      core.condemn(instance, Date.now());
      return undefined;
    }
    const reply = instance.reply();
    const sequence = (reply[Field.TicketSequence] as number) | 0;
    const writeInMs = (reply[Field.WriteInMs] as number) | 0;
    const ticket = sequence > 0 ? this.#ticket(instance, identifier, rule, cost, sequence) : undefined;
    const result = verdictIn(reply, rule, ticket);
    if (ticket !== undefined) {
      kept.remaining = result.remaining;
      kept.resetAt = result.resetAt;
    }
    // Of one in memory there is no more to say than what it was, and to count it must not cost what to decide it does.
    if (this.#caller.listens) this.#report(instance, { beganMs: now, kvReads: 0, kvWrites: 0 }, op, result);
    else if (result.allowed) counted.allowed++;
    else counted.denied++;
    // Last, since a write that is due enters the core at once.
    if (writeInMs >= 0) this.#writeLater({ op, identifier, rule, cost, counts, kept }, writeInMs);
    return result;
  }

  #decideAnew(attempt: Attempt): Promise<RateLimitResult> {
    const { kept } = attempt;
    const call = this.#caller.begin();
    if (core.traps > 0 && kept !== undefined && core.number > 0 && isOutlived(kept, core.number, call.beganMs)) {
      return this.#decideTwice(call, attempt, kept);
    }
    return call.run(this.#check, attempt);
  }

  /** What an instance that trapped had counted still counts: an attempt must pass by that and by the core. */
  async #decideTwice(call: Call, attempt: Attempt, kept: Kept): Promise<RateLimitResult> {
    const left = takeFrom(kept, attempt.cost, attempt.counts, call.beganMs);
    if (left === undefined) return this.#withoutCore('core-failed', call, attempt, 'local');
    let taken = attempt.counts;
    const giveBack = (): void => {
      if (taken) kept.remaining += attempt.cost;
      taken = false;
    };
    const lost: Steps<Attempt, RateLimitResult>['lost'] = (...call) => {
      giveBack();
      return this.#withoutCore(...call);
    };
    try {
      const result = await call.run({ ...this.#check, lost }, attempt);
      if (result.ticket !== undefined) taken = false;
      return { ...result, remaining: Math.min(result.remaining, left) };
    } finally {
      giveBack();
    }
  }

  /** The same, of an attempt that is made already. */
  decideOne({ op, identifier, rule, cost, counts }: Attempt): Promise<RateLimitResult> {
    return this.decide(op, identifier, rule, cost, counts);
  }

  /** Rejects for what the core would refuse of attempts, before anything is done about any of them. */
  async vet(attempts: readonly Attempt[]): Promise<void> {
    for (const attempt of attempts) await this.#caller.begin().run(VET, attempt);
  }

  /** Decides attempts that are to pass together, each of which would pass by itself. Some may pass where others do not. */
  async decideTogether(attempts: readonly Attempt[]): Promise<RateLimitResult[]> {
    const objects = this.#objects;
    // All enter the core in this turn: nothing comes between.
    if (objects === null) return Promise.all(attempts.map((attempt) => this.decideOne(attempt)));

    const beganMs = this.#caller.now();
    const located = await Promise.all(attempts.map((attempt) => this.#caller.begin().run(this.#locate, attempt)));
    const results: RateLimitResult[] = [];
    const asked = new Map<number, number[]>();
    for (const [index, found] of located.entries()) {
      if ('allowed' in found) results[index] = found;
      else asked.set(objects.shardOf(found.shard), [...(asked.get(objects.shardOf(found.shard)) ?? []), index]);
    }
    await Promise.all(
      Array.from(asked, async ([shard, indexes]) => {
        const requests = indexes.map((index) => requestOf((located[index] as Asked).key, attempts[index] as Attempt));
        const answers = await this.#answers(objects, shard, requests, true);
        for (const [at, index] of indexes.entries()) {
          results[index] = await this.#settled(attempts[index] as Attempt, answers?.[at] ?? null, beganMs);
        }
      }),
    );
    return results;
  }

  /** Takes an attempt back, where it still counts. */
  async refund(attempt: Attempt, { counter, opening, sequence }: Counted): Promise<void> {
    const objects = this.#objects;
    const isTheirs = counter === 0 && objects !== null;
    const call = this.#caller.begin();
    const begin = (instance: Instance): number =>
      instance.exports.refundLimit(
        ...named(instance, attempt),
        attempt.cost,
        opening,
        isTheirs || counter === instance.nonce ? sequence : 0,
        this.#policy(instance),
      );
    const steps: Steps<Attempt, Done | Asked> = { op: 'refund', begin, end: doneIn, ask: askedIn, lost: lostDone };
    const done = await call.run(steps, attempt);
    let error = 'error' in done ? done.error : undefined;
    if ('error' in done) this.#writeLater(attempt, done.writeInMs);
    else if (isTheirs) {
      const request = requestOf(done.key, attempt);
      error = await this.#tell(done.shard, (object) => object.refund(request, opening, sequence, isTheirs && objects.durable));
      call.waited = true;
    }
    this.#caller.report(call, 'refund', error === undefined ? 'stored' : 'failed', isTheirs ? 'authority' : 'memory', error);
  }

  /**
   * Makes a change that must not fail silently: in memory and on KV by `begin`, in the fallback by `follow`, and on the object
   * by `message`. Rejects where it was not recorded.
   */
  async change(
    attempt: Attempt,
    begin: (instance: Instance, policy: number) => number,
    follow: (limits: FallbackLimits, instance: number, now: number) => void,
    message: (object: LimitObject, key: string, durable: boolean) => Promise<void>,
  ): Promise<void> {
    const { op } = attempt;
    const call = this.#caller.begin();
    const began = call.beganMs;
    const enter = (instance: Instance): number => begin(instance, this.#policy(instance));
    const steps: Steps<Attempt, Done | Asked> = { op, begin: enter, end: doneIn, ask: askedIn, lost: lostDone };
    const done = await call.run(steps, attempt);
    follow(this.#fallback, core.number, began);
    const error =
      'error' in done
        ? done.error
        : await this.#tell(done.shard, (object) => message(object, done.key, this.#objects?.durable === true));
    const outcome = error !== undefined ? 'failed' : op === 'block' ? 'stored' : 'deleted';
    call.waited ||= this.#objects !== null;
    this.#caller.report(call, op, outcome, this.#source, error);
    if (error !== undefined) throw storeFailure(op, error);
  }

  get #source(): 'kv' | 'authority' {
    return this.#objects === null ? 'kv' : 'authority';
  }

  #policy(instance: Instance): number {
    if (this.#packedPolicy < 0) this.#packedPolicy = instance.exports.limitPolicy(...this.#policyParts);
    return this.#packedPolicy;
  }

  #withoutCore(
    error: ErrorCode,
    call: Call,
    attempt: Attempt,
    onUnavailable: 'local' | 'deny' | 'allow' = this.#onUnavailable,
  ): RateLimitResult {
    const result = this.#fallback.check(attempt, onUnavailable, call.beganMs);
    this.#caller.report(call, attempt.op, 'degraded', 'memory', error);
    if (!this.#shadow || result.allowed) return result;
    return { ...result, allowed: true, retryAfterMs: 0, reason: 'shadow' };
  }

  /** Ends a call with its verdict. */
  #decided(instance: Instance, call: Call, attempt: Attempt): RateLimitResult {
    const result = this.#verdict(instance, call, attempt);
    this.#caller.release(call);
    return result;
  }

  /** Reads the verdict, reports it, and sees to it that the counter is written. */
  #verdict(instance: Instance, call: Call, attempt: Attempt): RateLimitResult {
    const { op, identifier, rule, cost } = attempt;
    const sequence = instance.int(Field.TicketSequence);
    const writeInMs = instance.int(Field.WriteInMs);
    const ticket = sequence > 0 ? this.#ticket(instance, identifier, rule, cost, sequence) : undefined;
    const result = verdictIn(instance.reply(), rule, ticket);
    if (ticket !== undefined) this.#follow(instance, result, attempt, call.beganMs);
    this.#report(instance, call, op, result);
    // Last, since a write that is due enters the core at once.
    if (writeInMs >= 0) this.#writeLater(attempt, writeInMs);
    return result;
  }

  #report(instance: Instance, call: Spent, op: string, { allowed, reason }: RateLimitResult): void {
    const decided = instance.int(Field.Corrupt) === 1 ? 'corrupt' : allowed ? 'allowed' : 'denied';
    const outcome = reason === 'degraded' ? 'degraded' : decided;
    const error = errorCodeOf(instance.int(Field.Failure));
    const fromMemory = instance.int(Field.FromMemory) === 1 || error !== undefined;
    this.#caller.report(call, op, outcome, fromMemory ? 'memory' : this.#source, error);
  }

  #ticket(instance: Instance, identifier: string, rule: Rule, cost: number, sequence: number): RateLimitTicket {
    const reply = instance.reply();
    const opening = reply[Field.TicketOpening] as number;
    const isTheirs = this.#objects !== null && ((reply[Field.Reason] as number) | 0) !== enums.Reason.degraded;
    return ticketOf(identifier, rule, cost, opening, sequence, isTheirs ? 0 : instance.nonce);
  }

  /** Keeps what the fallback would go on from, and by what the core finds the counter again. */
  #follow(instance: Instance, { remaining, resetAt }: RateLimitResult, attempt: Attempt, now: number): void {
    const { identifier, rule } = attempt;
    const followed = attempt.kept ?? this.#fallback.keep(rule.keyPrefix, identifier);
    // What another instance has counted stands until its window has ended.
    if (isOutlived(followed, instance.number, now)) return;
    followed.remaining = remaining;
    followed.resetAt = resetAt;
    followed.instance = instance.number;
    // A hash names a caller well enough for a moment without a core, and not well enough to count on somebody's counter.
    followed.rule = isNamed(identifier) ? rule : null;
    followed.place = instance.int(Field.Place);
    followed.born = instance.reply()[Field.Born] as number;
  }

  /** Has a counter written after the answer; by the next attempt, where nobody can. */
  #writeLater(attempt: Attempt, writeInMs: number): void {
    if (writeInMs >= 0) this.#caller.keep(this.#write(attempt, writeInMs));
  }

  async #write(attempt: Attempt, writeInMs: number): Promise<void> {
    let wait = writeInMs;
    for (let round = 0; wait >= 0 && round < WRITE_ROUNDS; round++) {
      if (wait > 0 && !(await passed(wait))) return;
      const call = this.#caller.begin();
      const { error, writeInMs } = await call.run(WRITE, attempt);
      if (call.kvWrites > 0) this.#caller.report(call, 'write', error === undefined ? 'stored' : 'failed', 'kv', error);
      wait = writeInMs;
    }
  }

  /** Puts an attempt to the object that keeps its count. */
  async #ask({ key, shard }: Asked, call: Call, attempt: Attempt): Promise<RateLimitResult> {
    const { beganMs } = call;
    this.#caller.release(call);
    const objects = this.#objects as LimitObjects;
    const answers = await this.#answers(objects, objects.shardOf(shard), [requestOf(key, attempt)], attempt.counts);
    return this.#settled(attempt, answers?.[0] ?? null, beganMs);
  }

  #settled(attempt: Attempt, answer: LimitAnswer | null, beganMs: number): Promise<RateLimitResult> {
    return this.#caller.begin().run(this.#settle, { attempt, answer, beganMs });
  }

  /** What an object decided; null where it did not answer. */
  async #answers(
    objects: LimitObjects,
    shard: number,
    requests: readonly LimitRequest[],
    counts: boolean,
  ): Promise<LimitAnswer[] | null> {
    try {
      return await objects.ask(shard, (object) => object.check(requests, counts, objects.durable));
    } catch {
      return null;
    }
  }

  async #tell(shard: number, message: (object: LimitObject) => Promise<void>): Promise<ErrorCode | undefined> {
    const objects = this.#objects as LimitObjects;
    try {
      await objects.ask(objects.shardOf(shard), message);
      return undefined;
    } catch {
      return 'store-unavailable';
    }
  }
}

const VET: Steps<Attempt, void> = {
  op: 'checkAll',
  begin: (instance, attempt) => instance.exports.vetLimit(...named(instance, attempt), attempt.cost),
  end: () => {},
  lost: () => {},
};

const WRITE: Steps<Attempt, Done> = {
  op: 'write',
  begin: (instance, attempt) => instance.exports.writeLimit(...named(instance, attempt)),
  input: inputOf,
  end: doneIn,
  lost: lostDone,
};

/** Waits so long. False, and at once, outside of a request, where a Worker may set no timer. */
function passed(ms: number): Promise<boolean> {
  return new Promise<boolean>((resolve) => setTimeout(resolve, ms, true)).catch(() => false);
}

/** Who attempts what, as the core takes it: the texts are written, and their lengths come before the rule. */
export function named(
  instance: Instance,
  { identifier, rule }: Attempt,
): [prefix: number, identifier: number, limit: number, window: number, algorithm: number, burst: number] {
  const prefix = instance.write(rule.keyPrefix);
  return [prefix, instance.write(identifier), rule.limit, rule.window, rule.algorithm, rule.burst];
}

/** What stands in the text buffer after an attempt's texts were written. */
function inputOf({ rule, identifier }: Attempt): string {
  return rule.keyPrefix + identifier;
}

function doneIn(instance: Instance): Done {
  return { error: errorCodeOf(instance.int(Field.Failure)), writeInMs: instance.int(Field.WriteInMs) };
}

function lostDone(error: ErrorCode): Done {
  return { error, writeInMs: -1 };
}

function askedIn(instance: Instance): Asked {
  const key = instance.text(instance.int(Field.KeyAddress), instance.int(Field.KeyLength));
  return { key, shard: instance.reply()[Field.Shard] as number };
}

function requestOf(key: string, { rule, cost }: Attempt): LimitRequest {
  const { limit, window, algorithm, burst } = rule;
  return { key, limit, window, algorithm, burst, cost };
}
