// What differs between runtimes, for Node, bundles that run in it, and whatever else knows WebAssembly. The core is inlined:
// no bundler moves it, and no file has to be found at run time.

import { base64 } from '../codex-core.base64.js';

const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** The compiled core. Compiled at once: Workers allow that at import and nowhere else. */
export const wasm: WebAssembly.Module = new WebAssembly.Module(bytes);

/** There is no Worker to keep alive: the caller waits for the work itself. */
export function waitUntil(_promise: Promise<unknown>): boolean {
  return false;
}

/** Whether there is a Worker to keep alive, within a request. */
export const keepsAlive: boolean = false;

/** What is wrong with this runtime, or null. */
export const runtimeProblem: string | null = null;
