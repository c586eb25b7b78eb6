/** What cannot be kept, because its owner keeps nothing: what memory had instead goes all the same, and what is being read does not come. */
export const NOT_KEPT_BYTES: number = Number.MAX_SAFE_INTEGER;

/** How large the isolate's memory for cached values is: as large as the client wants it that wants most. */
class MemoryBound {
  #bytes = 0;

  raise(bytes: number): void {
    if (bytes > this.#bytes) this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

/** The one of this isolate: an instance that replaces another takes it over. */
export const memory: MemoryBound = new MemoryBound();
