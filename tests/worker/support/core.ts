// The inside of the package, for tests of what no caller can see: slots, memory and the instance. The same module that the
// package itself has loaded.
import * as Field from '../../../js-shim/dist/codex-core.field.js';
import { core } from '../../../js-shim/dist/core.js';
import type { Instance } from '../../../js-shim/dist/instance.js';
import { vi } from 'vitest';

export { core, Field };

/** The instance in use. */
export function instance(): Instance {
  const current = core.acquire(Date.now());
  if (current === null) throw new Error('there is no instance');
  return current;
}

/** The slot that the call entered last waits in. */
export function slotEnteredLast(): number {
  return instance().int(Field.Slot);
}

export function callsWaiting(): number {
  return instance().exports.callsWaiting();
}

/** Bytes of the instance's memory, which grows and never shrinks. */
export function memoryBytes(): number {
  return instance().reply().buffer.byteLength;
}

/**
 * Overwrites the instance's memory, so that whatever enters it next traps: every pointer leads nowhere. The instance still
 * knows its number, without which it would take every answer for another's.
 */
export function ruin(): void {
  const victim = instance();
  const words = new Uint32Array(victim.reply().buffer);
  for (let at = 0; at < words.length; at++) if (words[at] !== victim.number) words[at] = 0xffff_ffff;
}

let minutes = 0;

/**
 * Moves the fake clock to a minute in which nothing has trapped yet, with an instance at work. Replacements are rationed by
 * the minute, and the real clock hardly moves between two tests.
 */
export async function freshMinutes(): Promise<void> {
  minutes += 10;
  vi.setSystemTime(Date.now() + minutes * 60_000);
  core.acquire(Date.now());
  await turns();
}

/** Lets everything that is ready run: a replacement instance takes a few turns of the microtask queue. */
export async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
