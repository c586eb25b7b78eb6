/** An Item with its parameters, of which only Strings and Integers are known here. */
export interface Item {
  value: string | number;
  parameters: ReadonlyMap<string, string | number>;
}

/**
 * Reads a List of Items as RFC 9651, 4.2 says, and nothing more lenient. Throws where a client would have to ignore the field:
 * also for inner lists and for kinds of values that the fields under test do not have.
 */
export function parseList(field: string): Item[] {
  if (!/^[ -~]*$/.test(field)) throw new SyntaxError('not ASCII');
  const input = new Input(field.replace(/^ +| +$/g, ''));
  const items: Item[] = [];
  while (!input.done) {
    items.push(readItem(input));
    input.skip(/[ \t]*/y);
    if (input.done) break;
    input.need(',');
    input.skip(/[ \t]*/y);
    if (input.done) throw new SyntaxError('a comma at the end');
  }
  return items;
}

class Input {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  /** What the pattern, which must be sticky, matches here; undefined where it does not. */
  skip(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  need(character: string): void {
    if (this.#text[this.#at] !== character) throw new SyntaxError(`no ${character} at ${this.#at} of ${this.#text}`);
    this.#at++;
  }
}

function readItem(input: Input): Item {
  const value = readBareItem(input);
  const parameters = new Map<string, string | number>();
  while (input.skip(/;/y) !== undefined) {
    input.skip(/ */y);
    const key = input.skip(/[a-z*][a-z0-9_.*-]*/y);
    if (key === undefined) throw new SyntaxError('a parameter without a key');
    if (parameters.has(key)) throw new SyntaxError(`two parameters ${key}`);
    input.need('=');
    parameters.set(key, readBareItem(input));
  }
  return { value, parameters };
}

function readBareItem(input: Input): string | number {
  const integer = input.skip(/-?[0-9]+/y);
  if (integer !== undefined) {
    if (integer.replace('-', '').length > 15) throw new SyntaxError('an Integer of more than 15 digits');
    return Number(integer);
  }
  const text = input.skip(/"(?:[ !#-[\]-~]|\\["\\])*"/y);
  if (text === undefined) throw new SyntaxError('neither an Integer nor a String');
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}
