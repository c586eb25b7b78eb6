// What differs between runtimes, for the Workers runtime. `default.ts` has the same exports for every other.

// A namespace import: an older runtime that lacks `waitUntil` must still be able to load this module.
import * as workers from 'cloudflare:workers';
import module from '../codex-core.wasm';

/** The compiled core. */
export const wasm: WebAssembly.Module = module;

/** Keeps the running request's Worker alive until `promise` settles. False where there is no running request. */
export function waitUntil(promise: Promise<unknown>): boolean {
  try {
    if (workers.waitUntil === undefined) return false;
    workers.waitUntil(promise);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a Worker to keep alive, within a request. */
export const keepsAlive: boolean = workers.waitUntil !== undefined;

/** Compatibility flags by name, as the runtime shows them; see developers.cloudflare.com/workers/configuration/compatibility-flags. */
const flags = (globalThis as { Cloudflare?: { compatibilityFlags?: Record<string, boolean> } }).Cloudflare?.compatibilityFlags;

/** What is wrong with this runtime, or null. `allow_eval_during_startup` is what 2025-06-01 brought. */
export const runtimeProblem: string | null =
  flags?.['allow_eval_during_startup'] === false
    ? 'compatibility_date is older than 2025-06-01: set a later one in wrangler.toml'
    : null;
