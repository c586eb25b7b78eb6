import * as Field from './codex-core.field.js';
import * as SessionName from './codex-core.session-name.js';
import * as TokenForm from './codex-core.token-form.js';
import { type Caller, checkString } from './caller.js';
import { lostEnding } from './codes.js';
import { storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import type { RegistryObjects } from './registry-object.js';
import { supersedeSession, supersedeSessions } from './session-load.js';
import { type NamedKey, nameSession } from './session-names.js';
import { endingOf, report } from './session-reads.js';
import { insistedOnce } from './write-governor.js';

/** Voids copies of sessions, on KV and where strict reads ask. Rejects where a revocation was not recorded. */
export class SessionRevoker {
  readonly #caller: Caller;
  readonly #registry: RegistryObjects | undefined;
  /** How long revocations are remembered: as long as a session may be stored. */
  readonly #maxSessionSeconds: number;

  constructor(caller: Caller, registry: RegistryObjects | undefined, maxSessionSeconds: number) {
    this.#caller = caller;
    this.#registry = registry;
    this.#maxSessionSeconds = maxSessionSeconds;
  }

  /** Fences a session, and deletes its copy and its index entry: those of the user of that id, where one is given. */
  async deleteSession(op: string, token: string, form: number, userId: string): Promise<void> {
    // Which load is of a token that is known by its hash alone, nobody can say.
    if (form === TokenForm.AlreadyHashed) supersedeSessions(this.#caller);
    else supersedeSession(this.#caller, token);
    if (this.#registry !== undefined) {
      await this.#register(op, await nameSession(this.#caller, op, SessionName.Fence, token, form));
    }
    const begin = (instance: Instance): number => {
      const named = instance.write(token);
      const user = instance.write(userId);
      return instance.exports.deleteSession(named, form, this.#caller.store.lists, user, this.#maxSessionSeconds);
    };
    await this.#record(op, begin, form === TokenForm.Hashed ? token : '');
  }

  /** Writes a user's watermark, and tells which. */
  async revokeUser(op: string, userId: string): Promise<number> {
    checkString(userId, op, 'userId');
    supersedeSessions(this.#caller);
    if (this.#registry !== undefined) {
      await this.#register(op, await nameSession(this.#caller, op, SessionName.Watermark, userId));
    }
    let revokedBefore = 0;
    const begin = (instance: Instance): number => {
      const state = instance.exports.revokeUser(instance.write(userId), this.#maxSessionSeconds);
      revokedBefore = instance.reply()[Field.RevokedBefore] as number;
      return state;
    };
    await this.#record(op, begin);
    return revokedBefore;
  }

  /** Records a revocation on KV. `token`: that of copies stored without it. */
  async #record(op: string, begin: (instance: Instance) => number, token = ''): Promise<void> {
    const { error } = await insistedOnce(async () => {
      const call = this.#caller.begin();
      call.token = token;
      const ending = await call.run({ op, begin, end: endingOf, lost: lostEnding }, undefined);
      report(this.#caller, call, op, ending);
      return ending;
    });
    if (error !== undefined) throw storeFailure(op, error);
  }

  /** Records a revocation where strict reads ask. */
  async #register(op: string, { name, shard, revokedBefore }: NamedKey): Promise<void> {
    // What cannot be a key was nobody's session.
    if (name === '') return;
    const until = revokedBefore + this.#maxSessionSeconds * 1000;
    try {
      await this.#registry?.revoke({ name, shard }, revokedBefore, until);
    } catch (cause) {
      this.#caller.report(this.#caller.begin(), op, 'failed', 'authority', 'store-unavailable');
      throw cause;
    }
  }
}
