import type { KVLike } from '@codex/cloudflare-clients';

/** What was asked of a store: `get k`, `get k,l` in bulk, `put k`, `delete k`, `list prefix`. */
export interface RecordingStore extends KVLike {
  readonly operations: string[];
}

/** A store that notes what is asked of it and passes it on. A full KV stays one. */
export function recording(kv: KVLike): RecordingStore {
  const operations: string[] = [];
  const note =
    (name: string, operation: (...args: never[]) => unknown) =>
    (...args: unknown[]): unknown => {
      const [asked] = args as [unknown];
      const subject = Array.isArray(asked) ? asked.join() : ((asked as { prefix?: string }).prefix ?? asked);
      operations.push(`${name} ${String(subject)}`);
      return operation.apply(kv, args as never[]);
    };
  const store: Record<string, unknown> = { operations };
  for (const name of ['get', 'getWithMetadata', 'put', 'delete', 'list'] as const) {
    const operation = (kv as unknown as Record<string, unknown>)[name];
    if (typeof operation === 'function') store[name] = note(name === 'getWithMetadata' ? 'get' : name, operation as never);
  }
  return store as unknown as RecordingStore;
}
