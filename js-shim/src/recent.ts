/** What was set last, by key: of more than `most` keys the one set longest ago goes. */
export class Recent<T, Key = string> extends Map<Key, T> {
  readonly #most: number;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override set(key: Key, value: T): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#most) this.delete(this.keys().next().value as Key);
    return this;
  }
}
