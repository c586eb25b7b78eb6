import { Instance } from './instance.js';

export { enums } from './codex-core.enums.js';

/** Traps within this time count together... */
const TRAP_WINDOW_MS = 60_000;
/** ...and after so many of them the isolate does without the core until the window has passed. */
const TRAPS_TOLERATED = 5;
/** A replacement takes microseconds; one that has not come after this long never will, and another is begun. */
const REPLACEMENT_MS = 1_000;

/**
 * The isolate's core: one instance at a time, replaced when it traps. A trap is anything thrown out of an export, since
 * nobody can say what state the memory is in then. Calls that were under way in that instance notice and fail; calls that
 * find no instance do without.
 */
class Core {
  #current: Instance | null;
  #traps: number[] = [];
  #replacementBegan = Number.NEGATIVE_INFINITY;
  #trapsSeen = 0;

  constructor(first: Instance) {
    this.#current = first;
  }

  /** The instance to use now, or null where there is none: right after a trap, and for a while after several. */
  acquire(wallMs: number): Instance | null {
    if (this.#current === null) this.#replace(wallMs);
    return this.#current;
  }

  /** Whether calls may still be resumed in this instance. */
  isCurrent(instance: Instance): boolean {
    return instance === this.#current;
  }

  /** Gives an instance up after it threw. */
  condemn(instance: Instance, wallMs: number): void {
    if (instance !== this.#current) return;
    this.#current = null;
    this.#trapsSeen++;
    this.#traps.push(wallMs);
    this.#replace(wallMs);
  }

  /** The instance in use, or null where there is none just now. */
  get current(): Instance | null {
    return this.#current;
  }

  /** Its number, or 0 where there is none. */
  get number(): number {
    return this.#current?.number ?? 0;
  }

  /** How often the core has trapped in this isolate. */
  get traps(): number {
    return this.#trapsSeen;
  }

  #replace(wallMs: number): void {
    this.#traps = this.#traps.filter((at) => wallMs - at < TRAP_WINDOW_MS);
    if (this.#traps.length >= TRAPS_TOLERATED) return;
    if (wallMs - this.#replacementBegan < REPLACEMENT_MS) return;
    this.#replacementBegan = wallMs;
    // Not awaited by anybody: a promise of one request must not be what another waits for.
    Instance.make().then(
      (made) => {
        this.#current ??= made;
        this.#replacementBegan = Number.NEGATIVE_INFINITY;
      },
      () => {},
    );
  }
}

/** The one core of this isolate. */
export const core: Core = new Core(await Instance.make());
