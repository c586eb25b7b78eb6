import * as Field from './codex-core.field.js';
import { enums } from './core.js';
import type { ErrorCode } from './errors.js';
import type { Outcome } from './events.js';
import type { Instance } from './instance.js';

/** The names of an enumeration by number. */
export function namesOf<Name extends string>(enumeration: Readonly<Record<Name, number>>): readonly Name[] {
  const names: Name[] = [];
  for (const name of Object.keys(enumeration) as Name[]) names[enumeration[name]] = name;
  return names;
}

const errorCodes = namesOf<ErrorCode>(enums.ErrorCode);

/** The core's error code of that number, or undefined for -1, which is none. */
export function errorCodeOf(number: number): ErrorCode | undefined {
  return number < 0 ? undefined : errorCodes[number];
}

/** How a call of the sessions or the cache ended. */
export interface Ending {
  outcome: Outcome;
  error: ErrorCode | undefined;
}

/** Reads an ending from the reply, given the names of the client's outcomes. */
export function endingIn(outcomes: readonly Outcome[]): (instance: Instance) => Ending {
  return (instance) => ({
    outcome: outcomes[instance.int(Field.Outcome)] ?? 'failed',
    error: errorCodeOf(instance.int(Field.Failure)),
  });
}

/** The ending of a call that did not end. */
export function lostEnding(code: ErrorCode): Ending {
  return { outcome: 'failed', error: code };
}
