import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_KEY_BYTES, MAX_METADATA_BYTES, MAX_VALUE_BYTES } from './kv-limits.ts';
import type { ListOptions, ListedKey, WriteOptions } from './memory-kv.ts';

/** The part of a `KVNamespace` that this contract is about. */
export interface ContractKV {
  get(key: string | string[], options?: string | { type?: string; cacheTtl?: number }): Promise<unknown>;
  getWithMetadata(key: string | string[], options?: string | { type?: string; cacheTtl?: number }): Promise<unknown>;
  put(key: string, value: unknown, options?: WriteOptions): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: ListOptions): Promise<{ keys: ListedKey[]; list_complete: boolean; cursor?: string }>;
}

/** What an operation threw, as `Name: message`; null where it did not. */
async function thrownBy(operation: Promise<unknown>): Promise<string | null> {
  try {
    await operation;
    return null;
  } catch (error) {
    return String(error);
  }
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const emoji = (bytes: number): string => '\u{1f511}'.repeat(bytes / 4);

const REFUSED_TTLS: [WriteOptions, string][] = [
  [{ expirationTtl: 59 }, 'Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.'],
  [{ expirationTtl: 59.9 }, 'Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.'],
  [{ expirationTtl: 0 }, 'Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.'],
  [
    { expirationTtl: Number.NaN },
    'Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.',
  ],
  [{ expirationTtl: 2 ** 31 }, 'TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).'],
  [
    { expiration: 1000 },
    'Error: KV PUT failed: 400 Invalid expiration of 1000. Please specify integer greater than the current number of seconds since the UNIX epoch.',
  ],
];

const REFUSED_BULKS: [string[], string, string][] = [
  [[], 'text', 'You must request a minimum of 1 key'],
  [Array.from({ length: 101 }, (_, at) => `k${at}`), 'text', 'You can request a maximum of 100 keys'],
  [['a', ''], 'text', 'Key names must not be empty'],
  [['a', '.'], 'text', 'Illegal key name ".". Please use a different name.'],
  [['a'], 'arrayBuffer', '"arrayBuffer" is not a valid type. Use "json" or "text"'],
  [['a', 'number'], 'json', 'At least one of the requested keys corresponds to a non-json value'],
];

/** What every store that calls itself Workers KV does. `fresh` gives an empty one on the real clock. */
export function kvContract(name: string, fresh: () => ContractKV | Promise<ContractKV>): void {
  describe(`KV contract: ${name}`, () => {
    let kv: ContractKV;
    beforeEach(async () => {
      kv = await fresh();
    });

    describe('values', () => {
      it('come back as text, as JSON and with their metadata', async () => {
        await kv.put('k', '{"a":1}', { metadata: { m: 1 } });
        expect(await kv.get('k')).toBe('{"a":1}');
        expect(await kv.get('k', 'json')).toEqual({ a: 1 });
        expect(await kv.get('k', { type: 'json', cacheTtl: 30 })).toEqual({ a: 1 });
        expect(await kv.getWithMetadata('k', { type: 'text' })).toMatchObject({ value: '{"a":1}', metadata: { m: 1 } });
      });

      it('are null where there are none, also with metadata', async () => {
        expect(await kv.get('absent')).toBeNull();
        expect(await kv.get('absent', 'json')).toBeNull();
        expect(await kv.getWithMetadata('absent')).toMatchObject({ value: null, metadata: null });
      });

      it('may be empty, and have no metadata unless given some', async () => {
        await kv.put('k', '');
        expect(await kv.get('k')).toBe('');
        expect(await kv.getWithMetadata('k')).toMatchObject({ value: '', metadata: null });
      });

      it('lose their metadata when they are overwritten without any', async () => {
        await kv.put('k', '1', { metadata: 'old' });
        await kv.put('k', '2');
        expect(await kv.getWithMetadata('k')).toMatchObject({ value: '2', metadata: null });
      });

      it.each([
        [5, '5'],
        [undefined, 'undefined'],
        [null, 'null'],
        [true, 'true'],
      ])('that are no text become text: %s', async (value, text) => {
        await kv.put('k', value);
        expect(await kv.get('k')).toBe(text);
      });

      it.each([[{ a: 1 }], [[1, 2]], [new Date(0)]])('that are objects are refused: %o', async (value) => {
        const accepted = 'strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams';
        expect(await thrownBy(kv.put('k', value))).toBe(`TypeError: KV put() accepts only ${accepted} as values.`);
      });

      it('that are no JSON are a SyntaxError to who asks for JSON', async () => {
        await kv.put('k', 'undefined');
        await expect(kv.get('k', 'json')).rejects.toThrow(SyntaxError);
      });

      it('are refused above 25 MiB', async () => {
        const text = 'x'.repeat(MAX_VALUE_BYTES + 1);
        const expected = `Error: KV PUT failed: 413 Value length of ${text.length} exceeds limit of ${MAX_VALUE_BYTES}.`;
        expect(await thrownBy(kv.put('k', text))).toBe(expected);
      });

      it('are gone once deleted, and deleting what is not there is no error', async () => {
        await kv.put('k', '1', { metadata: 1 });
        await kv.delete('k');
        expect(await kv.getWithMetadata('k')).toMatchObject({ value: null, metadata: null });
        expect(await thrownBy(kv.delete('k'))).toBeNull();
      });
    });

    describe('keys', () => {
      it.each(['a/b?c#d%e:f', 'a\u0000b', ' ', '__proto__', 'ключ', emoji(MAX_KEY_BYTES)])('may be %j', async (key) => {
        await kv.put(key, 'v');
        expect(await kv.get(key)).toBe('v');
        expect((await kv.list()).keys.map((listed) => listed.name)).toEqual([key]);
      });

      it('differ by case', async () => {
        await kv.put('k', 'lower');
        expect(await kv.get('K')).toBeNull();
      });

      it.each([
        ['', 'TypeError: Key name cannot be empty.'],
        ['.', 'TypeError: "." is not allowed as a key name.'],
        ['..', 'TypeError: ".." is not allowed as a key name.'],
      ])('may not be %j', async (key, error) => {
        expect(await thrownBy(kv.get(key))).toBe(error);
        expect(await thrownBy(kv.put(key, 'v'))).toBe(error);
        expect(await thrownBy(kv.delete(key))).toBe(error);
      });

      it('may not have 513 bytes', async () => {
        const key = 'x'.repeat(513);
        const error = 'UTF-8 encoded length of 513 exceeds key length limit of 512.';
        expect(await thrownBy(kv.get(key))).toBe(`Error: KV GET failed: 414 ${error}`);
        expect(await thrownBy(kv.put(key, 'v'))).toBe(`Error: KV PUT failed: 414 ${error}`);
        expect(await thrownBy(kv.delete(key))).toBe(`Error: KV DELETE failed: 414 ${error}`);
      });

      it('are turned into text: a list of keys to delete is one key', async () => {
        await kv.put('a,b', '1');
        await kv.put('a', '2');
        await kv.delete(['a', 'b'] as unknown as string);
        expect([await kv.get('a,b'), await kv.get('a')]).toEqual([null, '2']);
      });
    });

    describe('lifetimes', () => {
      it.each(REFUSED_TTLS)('are refused: %j', async (options, error) => {
        expect(await thrownBy(kv.put('k', 'v', options))).toBe(error);
        expect(await kv.get('k')).toBeNull();
      });

      it('are refused where they end in less than a minute', async () => {
        const expiration = nowSeconds() + 30;
        const error = `Error: KV PUT failed: 400 Invalid expiration of ${expiration}. Expiration times must be at least 60 seconds in the future.`;
        expect(await thrownBy(kv.put('k', 'v', { expiration }))).toBe(error);
      });

      it.each([60, 60.9, 2_147_483_647])('of %d seconds stand in the list', async (expirationTtl) => {
        await kv.put('k', 'v', { expirationTtl });
        const [listed] = (await kv.list()).keys;
        const inSeconds = (listed?.expiration ?? 0) - nowSeconds();
        expect(inSeconds).toBeGreaterThanOrEqual(Math.floor(expirationTtl) - 5);
        expect(inSeconds).toBeLessThanOrEqual(Math.floor(expirationTtl));
      });

      it('go by the TTL where both are given', async () => {
        await kv.put('k', 'v', { expirationTtl: 100, expiration: nowSeconds() + 5000 });
        expect((await kv.list()).keys[0]?.expiration).toBeLessThanOrEqual(nowSeconds() + 100);
      });

      it('are endless unless given', async () => {
        await kv.put('k', 'v');
        expect((await kv.list()).keys).toEqual([{ name: 'k' }]);
      });
    });

    describe('metadata', () => {
      it('has at most 1,024 bytes of JSON, quotes included', async () => {
        await kv.put('k', 'v', { metadata: 'x'.repeat(MAX_METADATA_BYTES - 2) });
        expect(await thrownBy(kv.put('k', 'v', { metadata: 'x'.repeat(MAX_METADATA_BYTES - 1) }))).toBe(
          'Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.',
        );
      });
    });

    describe('reads', () => {
      it('may not ask for a cacheTtl below 30 seconds', async () => {
        expect(await thrownBy(kv.get('k', { type: 'text', cacheTtl: 29 }))).toBe(
          'Error: KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.',
        );
      });

      it('of an unknown type fail where there is something to read', async () => {
        await kv.put('k', 'v');
        expect(await kv.get('absent', 'yaml')).toBeNull();
        expect(await thrownBy(kv.get('k', 'yaml'))).toBe(
          'TypeError: Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
        );
      });

      it('of several keys are a Map with null for what is absent, each key once', async () => {
        await kv.put('a', '1', { metadata: 'm' });
        expect([...((await kv.get(['a', 'b', 'a'])) as Map<string, unknown>)]).toEqual([
          ['a', '1'],
          ['b', null],
        ]);
        const withMetadata = (await kv.getWithMetadata(['a', 'b'], 'json')) as Map<string, unknown>;
        expect(withMetadata.get('a')).toEqual({ value: 1, metadata: 'm' });
        expect(withMetadata.get('b')).toBeNull();
      });

      it('of several keys lose one that is called __proto__', async () => {
        await kv.put('__proto__', 'v');
        expect([...((await kv.get(['__proto__', 'a'])) as Map<string, unknown>).keys()]).toEqual(['a']);
        await kv.delete('__proto__');
      });

      it('of several keys lose those that look like an index', async () => {
        await kv.put('0', 'v');
        await kv.put('4294967295', 'v');
        expect([...((await kv.get(['0', '4294967295', 'a'])) as Map<string, unknown>).keys()].sort()).toEqual([
          '4294967295',
          'a',
        ]);
      });

      it.each(REFUSED_BULKS)('of several keys are refused: %j as %s', async (keys, type, error) => {
        await kv.put('number', 'no JSON');
        expect(await thrownBy(kv.get(keys, type))).toBe(`Error: KV GET_BULK failed: 400 ${error}`);
      });
    });

    describe('lists', () => {
      it('come in the order of UTF-8, by prefix, in pages', async () => {
        for (const key of ['p:\u{1f511}', 'p:b', 'q:a', 'p:a', 'p:\uff5e']) await kv.put(key, 'v', { metadata: key });
        const first = await kv.list({ prefix: 'p:', limit: 3 });
        const second = await kv.list({ prefix: 'p:', limit: 3, cursor: first.cursor ?? '' });
        expect(first.keys).toEqual(['p:a', 'p:b', 'p:\uff5e'].map((key) => ({ name: key, metadata: key })));
        expect(second.keys).toEqual([{ name: 'p:\u{1f511}', metadata: 'p:\u{1f511}' }]);
        expect([first.list_complete, second.list_complete]).toEqual([false, true]);
      });

      it('may not ask for more than 1,000 keys', async () => {
        expect(await thrownBy(kv.list({ limit: 1001 }))).toBe(
          'Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.',
        );
      });
    });
  });
}
