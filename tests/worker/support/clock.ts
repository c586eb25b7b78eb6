/** A clock that moves when it is told to, from the real time on: what lands in a real KV must lie in its future. */
export class Clock {
  #ms = Date.now();
  readonly now = (): number => this.#ms;

  advance(ms: number): void {
    this.#ms += ms;
  }

  set(ms: number): void {
    this.#ms = ms;
  }
}
