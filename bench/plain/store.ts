/** What the plain clients use of a KV namespace. */
export interface PlainStore {
  get(key: string, type: 'json'): Promise<unknown>;
  getWithMetadata(key: string, type: 'json'): Promise<{ value: unknown; metadata: unknown }>;
  put(key: string, value: string, options?: { expirationTtl?: number; metadata?: unknown }): Promise<void>;
}
