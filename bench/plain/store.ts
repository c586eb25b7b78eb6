/** What the plain clients use of a KV namespace. */
export interface PlainStore {
  get(key: string, type: 'json'): Promise<unknown>;
  getWithMetadata(keys: string[], type: 'json'): Promise<Map<string, { value: unknown; metadata: unknown } | null>>;
  put(key: string, value: string, options?: { expirationTtl?: number; metadata?: unknown }): Promise<void>;
}
