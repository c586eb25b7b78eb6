import type { KVLike } from '@codex/cloudflare-clients';
import type { PlainStore } from './plain/store.ts';

/** A store that serves both sides of a comparison: `MemoryKV`, or a real namespace. */
export type Store = KVLike & PlainStore;

/** One side of a comparison. */
export interface Side {
  /** Does the operation for the `number`th time, and throws where the outcome is wrong. */
  operate(number: number): Promise<void>;
  /** Checks and tidies up between batches, outside of the measured time; `last` was the last operation. */
  afterBatch?(last: number): Promise<void>;
}
