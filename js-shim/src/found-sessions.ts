import { Recent } from './recent.js';
import { Shared } from './remembered.js';

/** UTF-16 units of the longest text that is kept. Most sessions have half of that. */
const LONGEST_UNITS = 1024;
/** How many are kept: with their values, some hundred kilobytes, and a megabyte at most. */
const MOST = 256;

/** A stored session that was found to be one, and what it holds. */
interface FoundSession {
  readonly text: string;
  readonly value: Shared;
  readonly endMs: number;
}

/**
 * The sessions that reads of known keys have found last, by the number of those keys in `KnownSessions` (wasm/session/session-names.h).
 * KV shows most of them again as they were: then they need be neither parsed nor checked a second time, and only what may have changed
 * is asked again, which is the revocations, the time and the stamps. So nothing is shown from here that KV does not show. A session
 * that was revoked stays until others take its place, or the instance goes.
 */
export class FoundSessions {
  readonly #kept = new Recent<FoundSession, number>(MOST);
  /** Those found once. Only who comes again soon is kept: where more come in turn than can be, none would be kept for long enough. */
  readonly #once = new Recent<null, number>(MOST);

  /** The session that these keys had, where they still have it. */
  find(keys: number, text: string): FoundSession | undefined {
    const kept = this.#kept.get(keys);
    return kept?.text === text ? kept : undefined;
  }

  /** Keeps what was found, and gives a copy of it; what is not kept is given as it is. */
  keep(keys: number, text: string, value: unknown, endMs: number): unknown {
    if (!this.#once.has(keys)) {
      this.#once.set(keys, null);
      return value;
    }
    const shared = text.length > LONGEST_UNITS ? undefined : Shared.of(value);
    if (shared === undefined) return value;
    this.#kept.set(keys, { text, value: shared, endMs });
    return shared.copy();
  }
}
