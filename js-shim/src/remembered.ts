// JSON values that are kept, and of which everybody gets a copy. What memory keeps of one is its text, and once it has been asked for
// again the value itself.

/** Nesting that is copied without asking how much stack there is. */
const MOST_NESTED = 64;

/** A JSON value of which everybody gets a copy. */
export class Shared {
  readonly #value: unknown;
  readonly #depth: number;

  private constructor(value: unknown, depth: number) {
    this.#value = value;
    this.#depth = depth;
  }

  /** Undefined for what is not to be copied: nested too deeply, or with a `__proto__`, which a copy would take for something else. */
  static of(value: unknown): Shared | undefined {
    const depth = depthOf(value, MOST_NESTED);
    return depth > MOST_NESTED ? undefined : new Shared(value, depth);
  }

  /** A copy. */
  copy(): unknown {
    return this.#depth === 0 ? this.#value : copyOf(this.#value as object, this.#depth);
  }
}

/** A JSON value in memory. */
export class Remembered {
  /** What it is counted as: twice its text, which leaves room for the value itself. */
  readonly bytes: number;
  #text: string | null;
  #value: Shared | null = null;
  #asked = 0;

  constructor(text: string) {
    this.#text = text;
    this.bytes = 2 * bytesOf(text, isWide(text));
  }

  /** The value, the caller's own. */
  take(): unknown {
    if (this.#value !== null) return this.#value.copy();
    const text = this.#text as string;
    const value: unknown = JSON.parse(text);
    // Whoever is asked for once more will be again. A value that would take more than it is counted for stays a text.
    if (++this.#asked !== 2) return value;
    const shared = Shared.of(value);
    if (shared === undefined || weightOf(value, isWide(text)) > this.bytes) return value;
    this.#value = shared;
    this.#text = null;
    return shared.copy();
  }
}

/** Whether a text takes two bytes a character: V8 keeps text up to U+00FF in one. */
function isWide(text: string): boolean {
  return /[^\0-\xff]/.test(text);
}

function bytesOf(text: string, wide: boolean): number {
  return wide ? 2 * text.length : text.length;
}

/**
 * The bytes that a value takes in V8, at most and roughly: three words and a property each for objects, four and an element each for
 * arrays, two and the characters for texts, two for numbers.
 */
function weightOf(value: unknown, wide: boolean): number {
  if (typeof value === 'string') return 16 + bytesOf(value, wide);
  if (typeof value === 'number') return (value | 0) === value ? 0 : 16;
  if (typeof value !== 'object' || value === null) return 0;
  let weight = 32;
  for (const part of Object.values(value)) weight += 8 + weightOf(part, wide);
  return weight;
}

/** How deeply a value is nested: 0 for what is no object, 1 for an object of such. More than `most` for what is not to be copied. */
function depthOf(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (most === 0 || Object.hasOwn(value, '__proto__')) return Number.POSITIVE_INFINITY;
  let deepest = 0;
  for (const part of Object.values(value)) deepest = Math.max(deepest, depthOf(part, most - 1));
  return deepest + 1;
}

/**
 * A copy of plain data that is nested so deeply at most. What holds no other is spread where it is met, and not by a call for all: a
 * spread is quick where it has seen few kinds of objects, and costs three times that where it has seen many.
 */
function copyOf(value: object, depth: number): object {
  if (Array.isArray(value)) return copyOfArray(value, depth);
  const copy = { ...(value as Record<string, unknown>) };
  if (depth === 1) return copy;
  for (const name in copy) {
    const part = copy[name];
    if (typeof part !== 'object' || part === null) continue;
    if (Array.isArray(part)) copy[name] = copyOfArray(part, depth - 1);
    else copy[name] = depth === 2 ? { ...part } : copyOf(part, depth - 1);
  }
  return copy;
}

function copyOfArray(value: readonly unknown[], depth: number): unknown[] {
  const copy = value.slice();
  if (depth === 1) return copy;
  for (let at = 0; at < copy.length; at++) {
    const part = copy[at];
    if (typeof part !== 'object' || part === null) continue;
    copy[at] = depth === 2 && !Array.isArray(part) ? { ...part } : copyOf(part, depth - 1);
  }
  return copy;
}
