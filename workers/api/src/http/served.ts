import type { ClientEvent } from '@codex/cloudflare-clients';
import { problems } from './problem.ts';

/**
 * As many steps as an answer tells one by one: a purge deletes hundreds of keys, and that many in a header are more than Node, 16 KB,
 * or Cloudflare, 128 KB for all of them, lets pass.
 */
const MAX_STEPS = 32;

/** One thing that was asked for an answer: a client's decision, or a query to D1. */
export interface ServedStep {
  client: ClientEvent['client'] | 'd1';
  op: string;
  outcome: ClientEvent['outcome'] | 'done';
  source: ClientEvent['source'] | 'd1';
  durationMs: number;
  kvReads: number;
  kvWrites: number;
  errorCode?: string;
}

/** Where an answer came from. */
export interface Served {
  /** The furthest store the answer needed: D1, else KV, else the object that counts, else the isolate's memory, else none. */
  from: 'd1' | 'kv' | 'authority' | 'memory' | 'none';
  kvReads: number;
  kvWrites: number;
  d1Queries: number;
  durationMs: number;
  /** The server's clock, Unix milliseconds: what a countdown to a `resetAt` is measured against. */
  now: number;
  /** The first of them, each by itself; the sums above are over all. */
  steps: ServedStep[];
}

/** Collects what one request asked of the clients and of D1. Work left to `waitUntil` ends after the answer and is not in it. */
export class ServedLog {
  readonly #startedAt = Date.now();
  readonly #steps: ServedStep[] = [];

  /** Notes a KV client's event; made to be passed as `onEvent`. */
  readonly record = (event: ClientEvent): void => {
    const { client, op, outcome, source, durationMs, kvReads, kvWrites, errorCode } = event;
    const step: ServedStep = { client, op, outcome, source, durationMs, kvReads, kvWrites };
    if (errorCode !== undefined) step.errorCode = errorCode;
    this.#steps.push(step);
  };

  /** Runs a query to D1 and notes it. A failing D1 becomes the `database-unavailable` problem. */
  async d1<T>(op: string, query: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    const note = (outcome: 'done' | 'failed'): void => {
      this.#steps.push({
        client: 'd1',
        op,
        outcome,
        source: 'd1',
        durationMs: Date.now() - startedAt,
        kvReads: 0,
        kvWrites: 0,
      });
    };
    try {
      const result = await query();
      note('done');
      return result;
    } catch (cause) {
      note('failed');
      throw problems.databaseUnavailable(cause);
    }
  }

  /** Sums up what has been noted so far. */
  report(): Served {
    const now = Date.now();
    const steps = this.#steps;
    return {
      from: furthest(steps),
      kvReads: steps.reduce((sum, step) => sum + step.kvReads, 0),
      kvWrites: steps.reduce((sum, step) => sum + step.kvWrites, 0),
      d1Queries: steps.filter((step) => step.source === 'd1').length,
      durationMs: now - this.#startedAt,
      now,
      steps: steps.slice(0, MAX_STEPS),
    };
  }
}

/** Says the same in headers: `X-Served-By` for people with curl, `Server-Timing` for a browser's network panel. */
export function servedHeaders(served: Served): Record<string, string> {
  const timing = served.steps.map(
    ({ client, op, outcome, source, durationMs }) => `${client};desc="${op} ${outcome} ${source}";dur=${durationMs}`,
  );
  const headers: Record<string, string> = {
    'X-Served-By': `${served.from}; kv-reads=${served.kvReads}; kv-writes=${served.kvWrites}; d1-queries=${served.d1Queries}`,
  };
  if (timing.length > 0) headers['Server-Timing'] = timing.join(', ');
  return headers;
}

function furthest(steps: readonly ServedStep[]): Served['from'] {
  const sources = new Set(steps.map((step) => step.source));
  if (sources.has('d1') || sources.has('origin')) return 'd1';
  if (sources.has('kv')) return 'kv';
  if (sources.has('authority')) return 'authority';
  return sources.has('memory') ? 'memory' : 'none';
}
