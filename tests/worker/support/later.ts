import { vi } from 'vitest';
import { Clock } from './clock.ts';

/**
 * What a client leaves for after its answers, on a clock and timers that move together. `vi.useFakeTimers` must have taken
 * `setTimeout` over.
 */
export class Later {
  readonly clock: Clock = new Clock();
  readonly #left: Promise<unknown>[] = [];
  readonly options = { now: this.clock.now, waitUntil: (work: Promise<unknown>): void => void this.#left.push(work) };

  /** Lets so much time pass, and what was waiting for it begin. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** Waits for what was left and waits for no time. */
  async done(): Promise<void> {
    while (this.#left.length > 0) await Promise.all(this.#left.splice(0));
  }

  /** Lets what was left be done, also where it waits, so many seconds at most, until KV takes another write of the key. */
  async settled(seconds = 1): Promise<void> {
    const work = this.done();
    for (let second = 0; second < seconds; second++) await this.pass(1000);
    await work;
  }
}
