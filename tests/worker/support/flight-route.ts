import { CacheClient, type KVLike } from '@codex/cloudflare-clients';
import { MemoryKV } from '../../contract/memory-kv.ts';

/** A request that wants a value, as a test sends it. */
export interface FlightRequest {
  name: string;
  /** What its loader does, after so many milliseconds. */
  loader?: 'value' | 'throw' | 'hang';
  loadMs?: number;
  /** Whether it waits for the value; or answers and leaves the load to its Worker; or answers and lets everything go. */
  leave?: 'await' | 'answer' | 'die';
  store?: keyof typeof STORES;
  options?: { hardTimeoutMs?: number; softTimeoutMs?: number; staleIfErrorSeconds?: number };
}

/** What came of it. */
export interface FlightAnswer {
  value?: unknown;
  error?: string;
  elapsedMs: number;
}

/** How often the loaders of a name have been called in this isolate. */
const loads = new Map<string, number>();

/** Serves one such request. */
export async function flight({ KV }: Cloudflare.Env, text: string): Promise<FlightAnswer> {
  const {
    name,
    loader = 'value',
    loadMs = 0,
    leave = 'await',
    store = 'real',
    options = {},
  } = JSON.parse(text) as FlightRequest;
  const began = Date.now();
  const load = async (): Promise<unknown> => {
    const number = (loads.get(name) ?? 0) + 1;
    loads.set(name, number);
    await scheduler.wait(loadMs);
    if (loader === 'hang') await new Promise(() => {});
    if (loader === 'throw') throw new Error(`no ${name}`);
    return { name, number };
  };
  const dies = leave === 'die' ? { waitUntil: () => {} } : {};
  const cache = new CacheClient(STORES[store](KV), { storeTimeoutMs: STORE_TIMEOUT_MS, ...dies });
  const value = cache.getOrSet(name, 60, load, options).then(
    (loaded): Partial<FlightAnswer> => ({ value: loaded }),
    (error: unknown): Partial<FlightAnswer> => ({ error: String(error) }),
  );
  if (leave !== 'await') {
    // The load begins once the store has been asked.
    while (!loads.has(name)) await scheduler.wait(1);
    return { elapsedMs: Date.now() - began };
  }
  const answer = await value;
  return { ...answer, elapsedMs: Date.now() - began };
}

/** Says how often a name was loaded. */
export function loadsOf(_env: Cloudflare.Env, name: string): number {
  return loads.get(name) ?? 0;
}

/** What a KV call may take before it counts as failed, in these requests. */
export const STORE_TIMEOUT_MS = 300;

/** The stores of a request. The same object every time, as a binding is: what the isolate knows of a store belongs to it. */
const STORES = {
  real: (kv: KVLike) => kv,
  'get answers 500': once(() => broken({ get: 500 })),
  'get answers 429': once(() => broken({ get: 429 })),
  'get never answers': once(() => broken({ get: 'never' })),
  'get is slow': once(() => broken({ get: 'slow' })),
  'put answers 500': once(() => broken({ put: 500 })),
  'put answers 429': once(() => broken({ put: 429 })),
  'put never answers': once(() => broken({ put: 'never' })),
  'put is slow': once(() => broken({ put: 'slow' })),
} as const;

type Fault = 429 | 500 | 'slow' | 'never' | undefined;

function once(make: () => KVLike): (kv: KVLike) => KVLike {
  let made: KVLike | undefined;
  return () => (made ??= make());
}

/** A KV in memory of which one kind of operation goes wrong. */
function broken(faults: { get?: Fault; put?: Fault }): KVLike {
  const kv = new MemoryKV();
  const meet = async (fault: Fault, operation: 'GET' | 'PUT'): Promise<void> => {
    if (fault === 'never') await new Promise(() => {});
    if (fault === 'slow') await scheduler.wait(STORE_TIMEOUT_MS / 2);
    if (typeof fault === 'number') throw new Error(`KV ${operation} failed: ${fault} whatever`);
  };
  const store = {
    get: async (...args: Parameters<MemoryKV['get']>) => {
      await meet(faults.get, 'GET');
      return kv.get(...args);
    },
    getWithMetadata: async (...args: Parameters<MemoryKV['getWithMetadata']>) => {
      await meet(faults.get, 'GET');
      return kv.getWithMetadata(...args);
    },
    put: async (...args: Parameters<MemoryKV['put']>) => {
      await meet(faults.put, 'PUT');
      return kv.put(...args);
    },
    delete: (key: string) => kv.delete(key),
  };
  return store as unknown as KVLike;
}

/** The stores in which something goes wrong. */
export const FAULTY_STORES = (Object.keys(STORES) as (keyof typeof STORES)[]).filter((store) => store !== 'real');
