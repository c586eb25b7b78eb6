import * as Field from './codex-core.field.js';
import * as TokenForm from './codex-core.token-form.js';
import type { Caller } from './caller.js';
import { storeFailure } from './errors.js';
import type { RegistryKey } from './registry-object.js';

/** A key as the core names it. */
export interface NamedKey extends RegistryKey {
  /** Up to when a revocation made now would void copies, in Unix milliseconds. */
  readonly revokedBefore: number;
}

/**
 * Asks the core for a key, by its `SessionName`: `text` is a token in the form said, a user's id, or what an index entry holds whose key
 * ends with `digest`. Throws `invalid-argument` for a user without an id, and `core-failed`.
 */
export async function nameSession(
  caller: Caller,
  op: string,
  kind: number,
  text: string,
  form: number = TokenForm.Plain,
  digest = '',
): Promise<NamedKey> {
  const named = await caller.begin().run<null, NamedKey | null>(
    {
      op,
      begin: (instance) => {
        const length = instance.write(text);
        return instance.exports.nameSession(kind, length, form, instance.write(digest));
      },
      end: (instance) => {
        const reply = instance.reply();
        return {
          name: instance.text(instance.int(Field.NameAddress), instance.int(Field.NameLength)),
          shard: reply[Field.Shard] as number,
          revokedBefore: reply[Field.RevokedBefore] as number,
        };
      },
      lost: () => null,
    },
    null,
  );
  if (named === null) throw storeFailure(op, 'core-failed');
  return named;
}
