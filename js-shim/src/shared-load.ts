import { type Flight, flightOf, type Landing, TIMED_OUT, within } from './flights.js';

/** A load of one's own that has begun. */
export interface Begun {
  readonly landing: Promise<Landing>;
  /** Resolves when the answer may be given: at once where the Worker stays alive for the rest. */
  readonly kept?: Promise<void>;
}

/** A value that is wanted, whoever loads it. */
export interface SharedLoad {
  readonly id: string;
  /** How long to wait for another's load before it is taken for dead. */
  readonly patienceMs: number;
  /** How long to wait at all. */
  readonly limitMs: number;
  /** A load of another's that will not do: it began too early. */
  readonly older?: Flight | undefined;
  /** Begins a load that others may wait for. */
  begin(): Begun;
  /** Begins one for oneself alone. */
  alone(): Begun;
}

/**
 * Waits for a load, another's or one's own, and gives what it came to: what it threw, or a value that is nobody else's.
 * {@link TIMED_OUT} where it took too long.
 */
export async function landingOf(load: SharedLoad, own?: Begun): Promise<Landing | typeof TIMED_OUT> {
  const limit = Date.now() + load.limitMs;
  const known = flightOf(load.id);
  let other: Flight | undefined = own !== undefined || known === load.older ? undefined : known;
  let mine = own ?? (other === undefined ? load.begin() : undefined);
  for (;;) {
    const left = Math.max(0, limit - Date.now());
    const landing = await within(
      (mine ?? (other as Flight)).landing,
      mine === undefined ? Math.min(left, load.patienceMs) : left,
    );
    if (landing !== TIMED_OUT) {
      if (mine !== undefined) {
        if (!('error' in landing)) await mine.kept;
        return landing;
      }
      if ('error' in landing || landing.value === undefined) return landing;
      if (landing.text !== null) return { value: JSON.parse(landing.text), text: landing.text };
      // What has no JSON stays with whom it was loaded for.
      mine = load.alone();
    } else if (mine !== undefined || left <= load.patienceMs) {
      return TIMED_OUT;
    } else {
      // The other is taken for dead. Whoever finds that first loads for all, which may be over by the time the last one does.
      other = other?.successor;
      if (other === undefined) mine = load.begin();
    }
  }
}
