// What memory keeps of a JSON value: its text, and once it has been asked for again the value itself, of which everybody gets a copy.

/** Nesting that is copied without asking how much stack there is. */
const MOST_NESTED = 64;

/** A JSON value in memory. */
export class Remembered {
  /** What it is counted as: twice its text, which leaves room for the value itself. */
  readonly bytes: number;
  #text: string | null;
  #value: unknown = undefined;
  #asked = 0;

  constructor(text: string) {
    this.#text = text;
    this.bytes = 2 * bytesOf(text, isWide(text));
  }

  /** The value, the caller's own. */
  take(): unknown {
    const text = this.#text;
    if (text === null) return copyOf(this.#value);
    const value: unknown = JSON.parse(text);
    // Whoever is asked for once more will be again. A value that would take more than it is counted for stays a text.
    if (++this.#asked !== 2 || weightOf(value, isWide(text), 0) > this.bytes) return value;
    this.#value = value;
    this.#text = null;
    return copyOf(value);
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
 * arrays, two and the characters for texts, two for numbers. Infinity for what is not to be copied: nested too deeply, or with a
 * `__proto__`, which a copy would take for something else.
 */
function weightOf(value: unknown, wide: boolean, depth: number): number {
  if (typeof value === 'string') return 16 + bytesOf(value, wide);
  if (typeof value === 'number') return (value | 0) === value ? 0 : 16;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MOST_NESTED || Object.hasOwn(value, '__proto__')) return Number.POSITIVE_INFINITY;
  let weight = 32;
  for (const part of Object.values(value)) weight += 8 + weightOf(part, wide, depth + 1);
  return weight;
}

/** A copy of plain data. */
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? copyOfArray(value) : copyOfObject(value as Record<string, unknown>);
}

function copyOfArray(value: readonly unknown[]): unknown[] {
  const copy = value.slice();
  for (let at = 0; at < copy.length; at++) {
    const part = copy[at];
    if (typeof part === 'object' && part !== null) copy[at] = copyOf(part);
  }
  return copy;
}

function copyOfObject(value: Record<string, unknown>): Record<string, unknown> {
  const copy = { ...value };
  for (const name in copy) {
    const part = copy[name];
    if (typeof part === 'object' && part !== null) copy[name] = copyOf(part);
  }
  return copy;
}
