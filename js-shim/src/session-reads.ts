import * as TokenForm from './codex-core.token-form.js';
import type { Call, Steps } from './call.js';
import type { Caller } from './caller.js';
import { type Ending, endingIn, lostEnding, namesOf } from './codes.js';
import { enums } from './core.js';
import type { Instance } from './instance.js';
import { Remembered } from './remembered.js';

/** How a call on sessions came out, as the core's reply says it. */
export const endingOf: (instance: Instance) => Ending = endingIn(namesOf(enums.SessionOutcome));

/** A session that is to be read. */
export interface Asked {
  readonly op: string;
  readonly token: string;
  readonly form: number;
  readonly maxStaleMs: number;
  /** Whether what is found is kept in memory. */
  readonly keeps: boolean;
}

/** Reads a session. Of one that was found the call has it. */
export const READING: Steps<Asked, Ending> = {
  op: 'get',
  begin: (instance, { token, form, maxStaleMs, keeps }) =>
    instance.exports.getSession(instance.write(token), form, maxStaleMs, keeps),
  end: (instance, call, { form, keeps }) => {
    const ending = endingOf(instance);
    if (ending.outcome === 'hit') {
      call.knowSession(instance);
      const text = !keeps ? null : form === TokenForm.Plain ? call.payload : textOf(call.session);
      if (text !== null) keep(instance, text);
    }
    return ending;
  },
  lost: lostEnding,
};

/** The JSON text of what was read; null where it is nested so deeply that it can be read and not written. */
function textOf(session: unknown): string | null {
  try {
    return JSON.stringify(session);
  } catch {
    return null;
  }
}

/** Keeps in memory what the call that has just ended offers. */
export function keep(instance: Instance, text: string): void {
  const remembered = new Remembered(text);
  instance.remember(remembered, remembered.bytes);
}

/** Reports how a call came out. `source`: who had the last word, where that was not KV. */
export function report(caller: Caller, call: Call, op: string, { outcome, error }: Ending, source?: 'authority'): void {
  caller.report(call, op, outcome, source ?? (call.kvReads + call.kvWrites > 0 ? 'kv' : 'none'), error);
}
