import * as Field from './codex-core.field.js';
import createModule, { type MainModule } from './codex-core.js';
import { FoundSessions } from './found-sessions.js';
import { memory } from './memory.js';
import { wasm } from '#host';

/** The exports of the core, as Emscripten declares them; of the enumerations there are only the declarations. */
export type Exports = {
  [Name in keyof MainModule as MainModule[Name] extends Record<string, number> ? never : Name]: MainModule[Name];
};

/** Texts up to this many UTF-16 units are copied by a loop where they are ASCII; `encodeInto` has a price per call. */
const LOOP_UNITS = 96;
/** UTF-16 units of a long text that stay readable after it was absorbed: more than any key or prefix may have bytes. */
const HEAD_UNITS = 600;

/** Reads whose keys are remembered. */
const KNOWN_READS = 2048;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

let instancesMade = 0;

/** One instance of the core and its memory. Everything here is synchronous; whatever throws has condemned the instance. */
export class Instance {
  /** Which instance of this isolate it is; never used again. */
  readonly number: number;
  readonly exports: Exports;
  /** Tells what this instance has counted from what any other has, in whatever isolate. 0 until the first call. */
  nonce = 0;
  /** What the memory tier remembers, by slot. */
  readonly payloads: unknown[] = [];
  /** What reads of known keys have found. */
  readonly sessions: FoundSessions = new FoundSessions();
  #memoryBytes = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #replyAddress: number;
  readonly #textAddress: number;
  readonly #furtherKeysAddress: number;
  readonly #numbersAddress: number;
  /** The keys of reads that name the same keys whenever they are asked for. */
  readonly #knownKeys: ({ number: number; keys: readonly string[] } | undefined)[] = [];
  #bytes: Uint8Array;
  #reply: Float64Array;
  #further: Int32Array;
  #at: number;
  #seeded = false;

  private constructor(number: number, exports: Exports, memory: WebAssembly.Memory) {
    this.number = number;
    this.exports = exports;
    this.#memory = memory;
    this.#replyAddress = exports.replyAddress();
    this.#textAddress = exports.textAddress();
    this.#furtherKeysAddress = exports.furtherKeysAddress();
    this.#numbersAddress = exports.numbersAddress();
    this.#at = this.#textAddress;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#reply = this.#viewReply();
    this.#further = this.#viewFurtherKeys();
  }

  /** Makes an instance. No input or output: it is ready within this turn of the event loop. */
  static async make(): Promise<Instance> {
    const { wasmMemory, ...exports } = (await createModule({ wasm })) as MainModule & { wasmMemory: WebAssembly.Memory };
    return new Instance(++instancesMade, exports, wasmMemory);
  }

  /** Precedes every call into the core. */
  enter(storeId: number, nowMs: number, wallMs: number, timeoutMs: number): void {
    if (!this.#seeded) this.#seed();
    if (this.#memoryBytes !== memory.bytes) this.#raiseMemory();
    this.rewind();
    this.exports.enter(storeId, nowMs, wallMs, timeoutMs);
  }

  /** Whether the memory tier may hold anything yet. */
  get remembers(): boolean {
    return this.#memoryBytes > 0;
  }

  /**
   * Keeps in memory what the call that has just ended offers. `bytes`: what the payload takes. To be called at once, before
   * anything else is entered.
   */
  remember(payload: unknown, bytes: number): void {
    const slot = this.exports.remember(bytes);
    this.settle();
    if (slot >= 0) this.payloads[slot] = payload;
  }

  /** Drops the payloads of what the last entry has driven out of memory. After every entry that may have. */
  settle(): void {
    if (this.int(Field.Released) > 0) this.#dropReleased();
  }

  /** Starts writing texts at the beginning of the buffer. */
  rewind(): void {
    this.#at = this.#textAddress;
  }

  /** Writes a text whose every character counts; what the core wants to hear of it is returned. */
  write(text: string): number {
    return text.length > this.exports.wholeUnits ? this.#absorb(text) : this.#encode(text);
  }

  /** Writes a text that is of no use beyond `units` UTF-16 units. */
  writeHead(text: string, units: number): number {
    return this.#encode(text.length > units ? text.slice(0, units) : text);
  }

  /** The numbers that the last entry left, by `Field`. Good until the next entry. */
  reply(): Float64Array {
    // Memory that grew has left the old view empty.
    if (this.#reply.length === 0) this.#reply = this.#viewReply();
    return this.#reply;
  }

  /** One of them that is a whole number of at most 31 bits: cheaper to handle than what might be a fraction. */
  int(index: number): number {
    return (this.reply()[index] as number) | 0;
  }

  /** A text that the core points to. */
  text(address: number, length: number): string {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return decoder.decode(this.#bytes.subarray(address, address + length));
  }

  /** The keys of a known read, if they have been decoded. */
  keysOfKnown(number: number): readonly string[] | undefined {
    const known = this.#knownKeys[number % KNOWN_READS];
    return number > 0 && known?.number === number ? known.keys : undefined;
  }

  /** All keys of the read that the last entry left, of which `first` is the first; decoded once where the read is known by a number. */
  keysOfRead(number: number, first: string): readonly string[] {
    const addresses = this.#furtherKeys();
    const keys = [first];
    for (let at = 0; at < 2 * this.int(Field.FurtherKeys); at += 2) {
      keys.push(this.text(addresses[at] as number, addresses[at + 1] as number));
    }
    if (number > 0) this.#knownKeys[number % KNOWN_READS] = { number, keys };
    return keys;
  }

  /** Writes what the further keys hold, each text up to `units` UTF-16 units. */
  writeFurther(texts: readonly (string | null)[], units: number): void {
    const lengths = this.#furtherKeys();
    for (let at = 0; at < texts.length; at++) {
      const text = texts[at] as string | null;
      lengths[at] = text === null ? -1 : this.writeHead(text, units);
    }
  }

  /** Writes the numbers of a call that takes many. */
  writeNumbers(numbers: readonly number[]): void {
    this.#numbers(numbers.length).set(numbers);
  }

  /** The first of these numbers, as the last call left them. */
  numbers(count: number): number[] {
    return Array.from(this.#numbers(count));
  }

  #numbers(count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, this.#numbersAddress, count);
  }

  #raiseMemory(): void {
    this.#memoryBytes = memory.bytes;
    this.exports.raiseMemory(this.#memoryBytes);
  }

  #dropReleased(): void {
    const released = new Uint32Array(this.#memory.buffer, this.exports.releasedAddress(), this.int(Field.Released));
    for (const slot of released) this.payloads[slot] = undefined;
    this.exports.drained();
    this.reply()[Field.Released] = 0;
  }

  #furtherKeys(): Int32Array {
    if (this.#further.length === 0) this.#further = this.#viewFurtherKeys();
    return this.#further;
  }

  #viewFurtherKeys(): Int32Array {
    return new Int32Array(this.#memory.buffer, this.#furtherKeysAddress);
  }

  #viewReply(): Float64Array {
    return new Float64Array(this.#memory.buffer, this.#replyAddress, Field.Count);
  }

  /** At the first call and not before: a Worker may draw no random numbers while it starts. */
  #seed(): void {
    const [a = 0, b = 0, c = 0, d = 0, nonce = 0] = crypto.getRandomValues(new Uint32Array(5));
    this.nonce = nonce + 1;
    this.exports.configure(this.number, a, b, c, d);
    this.#seeded = true;
  }

  #encode(text: string): number {
    // Memory may have grown since the last text, and a view of what it was takes everything and keeps nothing.
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    const bytes = this.#bytes;
    const start = this.#at;
    const length = text.length;
    if (length <= LOOP_UNITS) {
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[start + i] = unit;
      }
      if (i === length) {
        this.#at = start + length;
        return length;
      }
    }
    const written = text.isWellFormed()
      ? encoder.encodeInto(text, bytes.subarray(start)).written
      : encodeIllFormed(text, bytes, start);
    this.#at = start + written;
    return written;
  }

  /** Hands a long text over in pieces, then writes its head. The negative length says so. */
  #absorb(text: string): number {
    const start = this.#at;
    const pieceUnits = this.exports.wholeUnits;
    for (let from = 0; from < text.length; ) {
      const to = cutAtCharacter(text, from + pieceUnits);
      const length = this.#encode(text.slice(from, to));
      this.exports.absorb(start - this.#textAddress, length, to === text.length);
      this.#at = start;
      from = to;
    }
    return -this.#encode(text.slice(0, cutAtCharacter(text, HEAD_UNITS)));
  }
}

/** The last place up to `end` where no surrogate pair is cut in two. */
function cutAtCharacter(text: string, end: number): number {
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** UTF-8, but a lone surrogate becomes the three bytes it would have, where `encodeInto` would make them all U+FFFD. */
function encodeIllFormed(text: string, bytes: Uint8Array, start: number): number {
  let at = start;
  for (const character of text) {
    if (character.isWellFormed()) {
      at += encoder.encodeInto(character, bytes.subarray(at)).written;
    } else {
      const unit = character.charCodeAt(0);
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at - start;
}
