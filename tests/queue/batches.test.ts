import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../workers/queue-consumer/src/index.ts';
import { FakeTranscoder } from './fake-transcoder.ts';
import { deliver, jobOf, messageOf, statusOf, uploaded } from './jobs.ts';

let transcoder: FakeTranscoder;

beforeEach(async () => {
  transcoder = new FakeTranscoder('the key', { quick: true });
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => transcoder.fetch(new Request(url, init)));
  await env.DB.batch([env.DB.prepare('DELETE FROM dead_letters'), env.DB.prepare('DELETE FROM transcoding_jobs')]);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const LEASE_MS = env.LEASE_SECONDS * 1000;

/** What the dead-letter queue's consumer wrote down. */
async function letters(): Promise<{ reason: string; body: string }[]> {
  const { results } = await env.DB.prepare('SELECT reason, body FROM dead_letters ORDER BY reason, body').all<{
    reason: string;
    body: string;
  }>();
  return results;
}

/** A binding of which every method fails. */
function broken<T extends object>(binding: T): T {
  return new Proxy(binding, { get: () => () => Promise.reject(new Error('KV PUT failed: 500 Internal Server Error')) });
}

/** D1 that fails what mentions a text. */
function d1Failing(text: string): D1Database {
  const fails = (statements: D1PreparedStatement[]): boolean => statements.some((statement) => marked.has(statement));
  const marked = new WeakSet<D1PreparedStatement>();
  return new Proxy(env.DB, {
    get(db, name) {
      if (name === 'prepare') {
        return (sql: string) => {
          const statement = db.prepare(sql);
          return {
            bind: (...values: unknown[]) => {
              const bound = statement.bind(...values);
              if (values.includes(text)) marked.add(bound);
              return bound;
            },
          };
        };
      }
      return (statements: D1PreparedStatement[]) =>
        fails(statements) ? Promise.reject(new Error('D1_ERROR: overloaded')) : db.batch(statements);
    },
  });
}

describe('a batch', () => {
  it('is not harmed by what is poisoned in it, and that is put aside with the reason', async () => {
    const [one, other] = [await uploaded(), await uploaded()];
    const stranger = { jobId: crypto.randomUUID(), mediaId: crypto.randomUUID() };
    const crossed = { jobId: one.jobId, mediaId: other.mediaId };
    const poison = [
      null,
      'text',
      7,
      [],
      {},
      { jobId: one.jobId },
      { jobId: 'x', mediaId: other.mediaId },
      new Uint8Array([255]),
    ];
    const bodies = [...poison, messageOf(one), stranger, crossed, messageOf(other)];
    const { acked, retried } = await deliver(bodies);
    const good = [poison.length, poison.length + 3];
    expect(retried).toEqual(good);
    expect(acked).toEqual(bodies.map((_, at) => at).filter((at) => !good.includes(at)));
    for (const job of [one, other]) expect((await jobOf(job)).state).toBe('submitted');
    await vi.waitFor(async () => expect(await letters()).toHaveLength(bodies.length - 2), { timeout: 25_000 });
    const reasons = (await letters()).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'malformed')).toHaveLength(poison.length);
    expect(reasons.filter((reason) => reason === 'unknown-job')).toHaveLength(2);
  });

  it('comes back for the message alone that D1 failed', async () => {
    const [one, other] = [await uploaded(), await uploaded()];
    const { acked, retried, delays, all } = await deliver([messageOf(one), messageOf(other)], {
      bindings: { DB: d1Failing(one.jobId) },
      attempts: 3,
    });
    expect({ acked, retried, all }).toEqual({ acked: [], retried: [0, 1], all: false });
    expect(delays[0]).toBeGreaterThanOrEqual(4);
    expect(delays[1]).toBe(env.POLL_SECONDS);
    expect([(await jobOf(one)).state, (await jobOf(other)).state]).toEqual(['queued', 'submitted']);
  });

  it('does no job again because the cache failed', async () => {
    const job = await uploaded();
    const bindings = { CACHE_KV: broken(env.CACHE_KV) };
    expect((await deliver([messageOf(job)], { bindings })).delays).toEqual([env.POLL_SECONDS]);
    expect((await deliver([messageOf(job)], { bindings })).acked).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'ready', failures: 0 });
    expect(transcoder.submissions(job.mediaId)).toBe(1);
  });

  it('comes back for a poisoned message that could not be put aside', async () => {
    const { retried } = await deliver(['poison'], { bindings: { DEAD_LETTERS: broken(env.DEAD_LETTERS) } });
    expect(retried).toEqual([0]);
  });
});

describe('a message that is delivered again', () => {
  it('after its job has ended is acknowledged, and what may not have been said is said', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    await deliver([messageOf(job)]);
    const ended = await jobOf(job);
    const { calls } = transcoder;
    await env.CACHE_KV.delete(`cache:media:processing-status:${job.mediaId}`);
    await env.CACHE_KV.put('cache:content:featured', '[]');
    expect((await deliver([messageOf(job)])).acked).toEqual([0]);
    expect(await jobOf(job)).toEqual(ended);
    expect(transcoder.calls).toBe(calls);
    expect((await statusOf(job))?.state).toBe('ready');
    expect(await env.CACHE_KV.get('cache:content:featured')).toBeNull();
  });

  it('ten times at once is submitted once', async () => {
    const job = await uploaded();
    const all = await Promise.all(Array.from({ length: 10 }, () => deliver([messageOf(job)])));
    expect(all.flatMap(({ retried }) => retried)).toHaveLength(10);
    expect(transcoder.submissions(job.mediaId)).toBe(1);
  });

  it('ten times in one batch is submitted once', async () => {
    const job = await uploaded();
    await deliver(Array.from({ length: 10 }, () => messageOf(job)));
    expect(transcoder.submissions(job.mediaId)).toBe(1);
  });

  it('while a delivery works on it, or has died doing so, waits until the lease has ended', async () => {
    const jobs = await Promise.all(Array.from({ length: 4 }, () => uploaded()));
    // The consumer is killed in the middle: two of its calls are never answered, and nobody waits for it any more.
    transcoder.troubles.push('silence', 'silence');
    const killed = deliver(jobs.map(messageOf), { bindings: { LEASE_SECONDS: 15 } });
    await vi.waitFor(() => expect(transcoder.calls).toBe(4), { timeout: 4_000 });
    const stuck = await vi.waitFor(
      async () => {
        const rows = await Promise.all(jobs.map(jobOf));
        const queued = jobs.filter((_, at) => rows[at]?.state === 'queued');
        expect(queued).toHaveLength(2);
        return queued;
      },
      { timeout: 4_000 },
    );

    for (const job of stuck) expect((await deliver([messageOf(job)])).delays[0]).toBeGreaterThan(3);
    const later = Date.now() + 16_000;
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(later);
    await deliver(jobs.map(messageOf));
    await deliver(jobs.map(messageOf));
    for (const job of jobs) {
      expect((await jobOf(job)).state).toBe('ready');
      expect(transcoder.submissions(job.mediaId)).toBe(1);
    }
    vi.useRealTimers();
    await killed;
    for (const job of jobs) expect((await jobOf(job)).state).toBe('ready');
  });

  it('beyond its lease cannot undo what another delivery did', async () => {
    const job = await uploaded();
    let answer = (): void => {};
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const service = transcoder;
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const response = await service.fetch(new Request(url, init));
      if (service.runs.length === 1) await slow;
      return response;
    });
    const first = deliver([messageOf(job)]);
    await vi.waitFor(() => expect(service.runs).toHaveLength(1), { timeout: 10_000 });
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + LEASE_MS + 1000);
    await deliver([messageOf(job)]);
    expect(await jobOf(job)).toMatchObject({ state: 'submitted', run_id: service.runs[1]?.id });
    answer();
    await first;
    expect(await jobOf(job)).toMatchObject({ state: 'submitted', run_id: service.runs[1]?.id });
  });
});

describe('the dead-letter queue', () => {
  const queue = env.DEAD_LETTER_QUEUE;

  it('ends the job of a message that was delivered too often, and writes the message down', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    expect((await deliver([messageOf(job)], { queue })).acked).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'failed', error: 'The job was given up after too many tries.' });
    expect((await statusOf(job))?.state).toBe('failed');
    expect(await letters()).toEqual([{ reason: 'given-up', body: JSON.stringify(messageOf(job)) }]);
  });

  it('leaves a job alone that has ended, and waits for one that is being worked on', async () => {
    const [ended, held] = [await uploaded(), await uploaded()];
    await deliver([messageOf(ended)]);
    await deliver([messageOf(ended)]);
    await env.DB.prepare('UPDATE transcoding_jobs SET lease_until = ?2 WHERE id = ?1')
      .bind(held.jobId, Date.now() + 60_000)
      .run();
    const { acked, retried, delays } = await deliver([messageOf(ended), messageOf(held)], { queue });
    expect({ acked, retried }).toEqual({ acked: [0], retried: [1] });
    expect(delays[1]).toBeLessThanOrEqual(61);
    expect([(await jobOf(ended)).state, (await jobOf(held)).state]).toEqual(['ready', 'queued']);
  });

  it('writes a letter down once, however often it was put there', async () => {
    const letter = { deadLetter: { id: 'the first', reason: 'malformed', body: { secretive: 'x'.repeat(9000) } } };
    expect((await deliver([letter, letter], { queue })).acked).toEqual([0, 1]);
    expect((await deliver([letter], { queue })).acked).toEqual([0]);
    const kept = await letters();
    expect(kept).toHaveLength(1);
    expect(kept[0]?.body).toHaveLength(2000);
  });

  it('takes anything', async () => {
    const circular: Record<string, unknown> = {};
    circular['itself'] = circular;
    const bodies = [undefined, null, 1n, circular, new Map(), { deadLetter: 1 }];
    expect((await deliver(bodies, { queue })).acked).toEqual(bodies.map((_, at) => at));
    expect(await letters()).toHaveLength(bodies.length);
  });

  it('keeps a letter that D1 did not take', async () => {
    const letter = { deadLetter: { id: 'x', reason: 'malformed', body: 1 } };
    const down = {
      prepare: () => {
        throw new Error('D1_ERROR: down');
      },
    } as unknown as D1Database;
    expect((await deliver([letter], { queue, bindings: { DB: down } })).retried).toEqual([0]);
  });
});

describe('the scheduled run', () => {
  it('puts the jobs into the queue again that no message asks for, and no others', async () => {
    const [lost, fresh, ended] = [await uploaded(), await uploaded(), await uploaded()];
    await deliver([messageOf(ended)]);
    await deliver([messageOf(ended)]);
    const before = Date.now() - env.STALLED_SECONDS * 1000 - 1;
    const aged = env.DB.prepare('UPDATE transcoding_jobs SET delivered_at = ?2 WHERE id = ?1');
    await env.DB.batch([aged.bind(lost.jobId, before), aged.bind(ended.jobId, before)]);
    const sent: unknown[] = [];
    const TRANSCODING_QUEUE = { sendBatch: async (all: unknown[]) => sent.push(...all) } as unknown as Queue;
    await worker.scheduled(createScheduledController(), { ...env, TRANSCODING_QUEUE });
    expect(sent).toEqual([{ body: messageOf(lost) }]);
    expect((await jobOf(fresh)).state).toBe('queued');
    // Nor again, before it has stalled once more.
    await worker.scheduled(createScheduledController(), { ...env, TRANSCODING_QUEUE });
    expect(sent).toHaveLength(1);
  });

  it('goes on until none is left', async () => {
    const jobs = await Promise.all(Array.from({ length: 101 }, () => uploaded()));
    await env.DB.prepare('UPDATE transcoding_jobs SET delivered_at = 0').run();
    const sent: unknown[][] = [];
    const TRANSCODING_QUEUE = { sendBatch: async (all: unknown[]) => sent.push(all) } as unknown as Queue;
    await worker.scheduled(createScheduledController(), { ...env, TRANSCODING_QUEUE });
    expect(sent.map(({ length }) => length)).toEqual([100, 1]);
    expect(new Set(sent.flat().map((message) => JSON.stringify(message))).size).toBe(jobs.length);
  });

  it('brings a lost job to its end, through the queue', async () => {
    const job = await uploaded();
    await env.DB.prepare('UPDATE transcoding_jobs SET delivered_at = 0 WHERE id = ?1').bind(job.jobId).run();
    await worker.scheduled(createScheduledController(), env);
    await vi.waitFor(async () => expect((await jobOf(job)).state).toBe('ready'), { timeout: 25_000 });
  });
});
