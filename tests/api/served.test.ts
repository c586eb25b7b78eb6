import type { ClientEvent } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { ServedLog, servedHeaders } from '../../workers/api/src/http/served.ts';

const event = (source: ClientEvent['source'], kvReads = 0, kvWrites = 0): ClientEvent => ({
  client: 'cache',
  op: 'getOrSet',
  outcome: 'hit',
  source,
  durationMs: 1,
  kvReads,
  kvWrites,
});

function log(...events: ClientEvent[]): ServedLog {
  const served = new ServedLog();
  events.forEach(served.record);
  return served;
}

describe('ServedLog', () => {
  it.each([
    ['nothing', [], 'none'],
    ['a miss alone', [event('none', 1)], 'none'],
    ['memory', [event('memory')], 'memory'],
    ['memory and an object', [event('memory'), event('authority')], 'authority'],
    ['an object and KV', [event('authority'), event('kv', 1)], 'kv'],
    ['memory and KV', [event('memory'), event('kv', 1)], 'kv'],
    ['KV and what another request loaded', [event('kv', 1), event('origin')], 'd1'],
  ] as const)('names the furthest store: %s', (_, events, from) => {
    expect(log(...events).report().from).toBe(from);
  });

  it('counts queries to D1, and names D1 even when one fails', async () => {
    const served = log(event('kv', 1, 2), event('kv', 3));
    await expect(served.d1('find', () => Promise.reject(new Error('no')))).rejects.toMatchObject({
      problem: 'database-unavailable',
    });
    expect(served.report()).toMatchObject({ from: 'd1', kvReads: 4, kvWrites: 2, d1Queries: 1 });
  });

  it('tells few of many steps, and sums up all', () => {
    const report = log(...Array.from({ length: 900 }, () => event('memory', 0, 1)), event('kv', 1)).report();
    expect(report).toMatchObject({ from: 'kv', kvReads: 1, kvWrites: 900 });
    const headers = servedHeaders(report);
    expect(headers['X-Served-By']).toBe('kv; kv-reads=1; kv-writes=900; d1-queries=0');
    expect(headers['Server-Timing']?.length).toBeLessThan(4096);
  });

  it('says it in headers', () => {
    expect(servedHeaders(log(event('kv', 1)).report())).toEqual({
      'X-Served-By': 'kv; kv-reads=1; kv-writes=0; d1-queries=0',
      'Server-Timing': 'cache;desc="getOrSet hit kv";dur=1',
    });
  });
});
