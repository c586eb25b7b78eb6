import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import * as TokenForm from './codex-core.token-form.js';
import type { CachedSession, SessionInput } from './cached-session.js';
import type { Call } from './call.js';
import { type Caller, jsonTextOf, readArgument } from './caller.js';
import { type Ending, lostEnding } from './codes.js';
import { KVClientError } from './errors.js';
import type { Instance } from './instance.js';
import { NOT_KEPT_BYTES } from './memory.js';
import { NO_STAMPS, type SessionStamps, sessionFactsOf, writeSessionFacts } from './session-facts.js';
import { indexedId } from './session-index.js';
import { endingOf, keep, report } from './session-reads.js';

/** How long sessions are stored, and how far and how often their ends may be put off. */
export interface SessionTerms {
  readonly maxSessionSeconds: number;
  readonly touchIntervalSeconds: number;
  /** NaN: without a limit. */
  readonly absoluteSeconds: number;
}

/** How a session's end is to be put off. */
export interface Rolling {
  readonly wantedMs: number;
  readonly createdMs: number;
}

const NOT_ROLLING: Rolling = { wantedMs: Number.NaN, createdMs: Number.NaN };

/** Stores the copies of sessions. */
export class SessionWriter {
  readonly #caller: Caller;
  readonly #form: number;
  readonly #terms: SessionTerms;

  constructor(caller: Caller, form: number, terms: SessionTerms) {
    this.#caller = caller;
    this.#form = form;
    this.#terms = terms;
  }

  /** Stores what was loaded. Does not reject. */
  async keepLoaded(token: string, session: SessionInput, loadedAt: number): Promise<void> {
    const op = 'getOrLoad';
    const call = this.#caller.begin();
    try {
      report(this.#caller, call, op, await this.store(call, op, token, session, { ...NO_STAMPS, l: loadedAt }));
    } catch (error) {
      const code = error instanceof KVClientError ? error.code : 'invalid-argument';
      this.#caller.report(call, op, 'failed', 'none', code);
    }
  }

  /**
   * Stores the copy of a session that is to outlast a revocation; a copy of unknown age does not. As to its own fence and to its age it
   * is what it was. Where that fails, it is a miss.
   */
  async spare(token: string, userId: string, session: CachedSession, stamps: SessionStamps, before: number): Promise<void> {
    if (session.user.id !== userId || Number.isNaN(stamps.l)) return;
    const op = 'deleteUserSessions';
    const call = this.#caller.begin();
    const spared = { ...stamps, l: before + 1, o: earliest(stamps) };
    report(this.#caller, call, op, await this.store(call, op, token, session, spared));
  }

  /** Stores a session. Rejects for one that is none, before any I/O. */
  async store(
    call: Call,
    op: string,
    token: string,
    data: SessionInput,
    stamps: SessionStamps,
    rolling: Rolling = NOT_ROLLING,
  ): Promise<Ending> {
    const text = jsonTextOf(data, op);
    const facts = readArgument(op, 'the session', () => sessionFactsOf(data));
    const idJson = this.#caller.store.lists ? JSON.stringify(indexedId(facts.id)) : '';
    call.payload = this.#form === TokenForm.Hashed ? withoutToken(text) : text;
    const { maxSessionSeconds, touchIntervalSeconds, absoluteSeconds } = this.#terms;
    const rolls = rolling !== NOT_ROLLING;
    let endMs = 0;
    const begin = (instance: Instance): number => {
      const { l, o, t } = stamps;
      const { wantedMs, createdMs } = rolling;
      instance.writeNumbers([l, o, t, wantedMs, createdMs, touchIntervalSeconds * 1000, absoluteSeconds]);
      const presented = instance.write(token);
      const { wellTyped, token: own, sessionUserId, userId, expiresAt, role } = writeSessionFacts(instance, facts);
      // biome-ignore format: the token, the facts, the bound
      const state = instance.exports.setSession(
        presented, this.#form,
        wellTyped, own, sessionUserId, userId, expiresAt, role, instance.writeHead(idJson, idJson.length),
        maxSessionSeconds,
      );
      if (rolls && state === State.Waiting) {
        endMs = instance.reply()[Field.ExpiresAt] as number;
        call.payload = withEnd(call.payload, endMs);
      }
      return state;
    };
    const end = (instance: Instance): Ending => {
      const ending = endingOf(instance);
      if (ending.outcome !== 'stored') return ending;
      // With its end put off, what was stored is not what was given.
      if (this.#caller.memoryMs > 0) keep(instance, rolls ? withEnd(text, endMs) : text);
      else instance.remember(undefined, NOT_KEPT_BYTES);
      return ending;
    };
    return await call.run({ op, begin, end, lost: lostEnding }, undefined);
  }
}

/** When the database was asked for a copy indeed. */
export function earliest({ l, o }: SessionStamps): number {
  return Number.isNaN(o) ? l : Math.min(l, o);
}

/** The text of a session without its token. */
function withoutToken(text: string): string {
  const record = JSON.parse(text) as { session?: { token?: unknown } };
  delete record.session?.token;
  return JSON.stringify(record);
}

/** The text of a session with another end. */
function withEnd(text: string, expiresAt: number): string {
  const record = JSON.parse(text) as CachedSession;
  record.session.expiresAt = new Date(expiresAt).toISOString();
  return JSON.stringify(record);
}
