import { Shared } from './remembered.js';

/** UTF-16 units of the longest text that is kept. Most sessions have half of that. */
const LONGEST_UNITS = 1024;
/** How many are kept: with their values, some hundred kilobytes, and a megabyte at most. */
const PLACES = 256;

/** A stored session that was found to be one, and what it holds. */
interface FoundSession {
  /** Which keys it was read by: their number in `KnownSessions`, wasm/session/session-names.h. */
  readonly number: number;
  readonly text: string;
  readonly value: Shared;
  readonly endMs: number;
}

/**
 * The sessions that reads of known keys have found last. KV shows most of them again as they were: then they need be neither parsed
 * nor checked a second time, and only what may have changed is asked again, which is the revocations, the time and the stamps. So nothing
 * is shown from here that KV does not show. A session that was revoked stays until its place is taken, or the instance goes.
 */
export class FoundSessions {
  readonly #places: (FoundSession | undefined)[] = new Array<undefined>(PLACES).fill(undefined);
  /** Whose turn a place is. Only who comes again while it is still theirs is kept: of more sessions than there are places, few. */
  readonly #numbers: number[] = new Array<number>(PLACES).fill(0);

  /** The session that these keys had, where they still have it. */
  find(number: number, text: string): FoundSession | undefined {
    const known = this.#places[number % PLACES];
    return known !== undefined && known.number === number && known.text === text ? known : undefined;
  }

  /** Keeps what was found, and gives a copy of it; what cannot be kept is given as it is. */
  keep(number: number, text: string, value: unknown, endMs: number): unknown {
    const place = number % PLACES;
    const again = this.#numbers[place] === number;
    this.#numbers[place] = number;
    const shared = again && text.length <= LONGEST_UNITS ? Shared.of(value) : undefined;
    if (shared === undefined) return value;
    this.#places[place] = { number, text, value: shared, endMs };
    return shared.copy();
  }
}
