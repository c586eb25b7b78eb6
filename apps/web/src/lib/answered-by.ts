import type { ClientEvent } from '@codex/cloudflare-clients';

/** Where an answer came from: the isolate's memory, Workers KV, or the database behind both. */
export type AnsweredBy = 'memory' | 'kv' | 'database';

/** The same, in words. */
export const ANSWERED_BY: Readonly<Record<AnsweredBy, string>> = {
  memory: 'this isolate’s memory',
  kv: 'Workers KV',
  database: 'the database',
};

/** Who answered a read, by what the client said of it; null for what was no answer. */
export function cacheThatAnswered({ outcome, source }: ClientEvent): AnsweredBy | null {
  const isAnswer = outcome === 'hit' || outcome === 'stale';
  return isAnswer && (source === 'memory' || source === 'kv') ? source : null;
}
