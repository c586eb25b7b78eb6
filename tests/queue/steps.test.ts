import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeTranscoder } from './fake-transcoder.ts';
import { deliver, jobOf, messageOf, statusOf, uploaded } from './jobs.ts';

let transcoder: FakeTranscoder;

beforeEach(() => {
  transcoder = new FakeTranscoder('the key');
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => transcoder.fetch(new Request(url, init)));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const RESULT = { note: 'Done.', durationMs: 61_000.4, resultType: 'video/mp4' };

const LISTS = ['cache:content:published:film', 'cache:content:featured'];
const fillLists = (): Promise<unknown> => Promise.all(LISTS.map((key) => env.CACHE_KV.put(key, '[]')));
const listsLeft = async (): Promise<string[]> => {
  const found = await Promise.all(LISTS.map((key) => env.CACHE_KV.get(key)));
  return LISTS.filter((_, at) => found[at] !== null);
};

/** Seconds after which the only message comes back. */
async function delayOf(job: { jobId: string; mediaId: string }): Promise<number> {
  const { acked, retried, delays } = await deliver([messageOf(job)]);
  expect({ acked, retried, delays }).toEqual({ acked: [], retried: [0], delays: [expect.any(Number)] });
  return delays[0] ?? 0;
}

describe('a job', () => {
  it('goes from step to step, says each in KV, and publishes when it is ready', async () => {
    const job = await uploaded();
    await fillLists();

    expect(await delayOf(job)).toBe(1);
    expect(await jobOf(job)).toMatchObject({ state: 'submitted', run_id: transcoder.runs[0]?.id, lease_until: 0 });
    expect(await statusOf(job)).toMatchObject({
      mediaId: job.mediaId,
      creatorId: 'user-cleo',
      state: 'submitted',
      error: null,
    });
    expect(await listsLeft()).toEqual(LISTS);

    // Still in the service's queue: nothing moves.
    expect(await delayOf(job)).toBe(1);
    expect((await jobOf(job)).state).toBe('submitted');

    transcoder.move(job.mediaId, 'IN_PROGRESS');
    expect(await delayOf(job)).toBe(1);
    expect([(await jobOf(job)).state, (await statusOf(job))?.state]).toEqual(['transcoding', 'transcoding']);

    transcoder.move(job.mediaId, 'COMPLETED', { output: RESULT });
    expect((await deliver([messageOf(job)])).acked).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'ready', error: null, failures: 0 });
    expect(await statusOf(job)).toMatchObject({ state: 'ready', note: 'Done.', durationMs: 61_000, resultType: 'video/mp4' });
    expect(await listsLeft()).toEqual([]);
    const content = await env.DB.prepare('SELECT status, published_at FROM content WHERE id = ?1').bind(job.contentId).first();
    expect(content).toEqual({ status: 'published', published_at: expect.any(Number) });
    expect(transcoder.submissions(job.mediaId)).toBe(1);
  });

  it('keeps its status for a minute', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    const { keys } = await env.CACHE_KV.list({ prefix: `cache:media:processing-status:${job.mediaId}` });
    expect(keys[0]?.expiration).toBeGreaterThan(Date.now() / 1000 + 50);
    expect(keys[0]?.expiration).toBeLessThan(Date.now() / 1000 + 130);
  });

  it('stays a draft where nobody asked for more, or somebody has touched it since', async () => {
    const [unasked, touched] = [await uploaded({ publish: false }), await uploaded()];
    await env.DB.prepare('UPDATE content SET updated_at = updated_at + 1 WHERE id = ?1').bind(touched.contentId).run();
    await deliver([messageOf(unasked), messageOf(touched)]);
    for (const job of [unasked, touched]) transcoder.move(job.mediaId, 'COMPLETED', { output: RESULT });
    expect((await deliver([messageOf(unasked), messageOf(touched)])).acked).toEqual([0, 1]);
    for (const job of [unasked, touched]) {
      expect((await jobOf(job)).state).toBe('ready');
      const content = await env.DB.prepare('SELECT status FROM content WHERE id = ?1').bind(job.contentId).first();
      expect(content).toEqual({ status: 'draft' });
    }
  });

  it.each([
    ['FAILED', { error: 'no such codec' }, 'no such codec'],
    ['FAILED', { error: { trace: 1 } }, 'The file could not be read.'],
    ['CANCELLED', {}, 'The transcoding was cancelled.'],
    ['TIMED_OUT', {}, 'The transcoding took too long.'],
  ] as const)('fails when its run is %s (%o)', async (status, said, error) => {
    const job = await uploaded();
    await fillLists();
    await deliver([messageOf(job)]);
    transcoder.move(job.mediaId, status, said);
    expect((await deliver([messageOf(job)])).acked).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'failed', error });
    expect(await statusOf(job)).toMatchObject({ state: 'failed', error });
    expect(await listsLeft()).toEqual([]);
  });

  it('is ready whatever the service says beside that', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    transcoder.move(job.mediaId, 'COMPLETED', { output: { durationMs: 'long', resultType: 'text/html' } });
    await deliver([messageOf(job)]);
    expect(await statusOf(job)).toMatchObject({ state: 'ready', note: null, durationMs: null, resultType: null });
  });

  it('is asked after ever more seldom, and cancelled after an hour', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    transcoder.move(job.mediaId, 'IN_PROGRESS');
    const start = Date.now();
    vi.useFakeTimers({ toFake: ['Date'] });
    let elapsedMs = 0;
    let deliveries = 1;
    for (; elapsedMs <= 3_600_000; deliveries++) {
      vi.setSystemTime(start + elapsedMs);
      elapsedMs += 1000 * (await delayOf(job));
    }
    expect(deliveries).toBeLessThan(85);
    vi.setSystemTime(start + 3_601_000);
    expect((await deliver([messageOf(job)])).acked).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'failed', error: 'The transcoding took too long.' });
    expect(transcoder.runs.map(({ status }) => status)).toEqual(['CANCELLED']);
  });

  it('gives the service addresses that the api worker signs alike', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    expect(transcoder.inputs).toEqual([
      {
        mediaId: job.mediaId,
        source: expect.stringMatching(
          new RegExp(`^https://codex\\.example/media/${job.mediaId}/source\\?until=\\d+&signature=[0-9a-f]{64}$`),
        ),
        result: expect.stringMatching(
          new RegExp(`^https://codex\\.example/media/${job.mediaId}/result\\?until=\\d+&signature=[0-9a-f]{64}$`),
        ),
      },
    ]);
  });
});

describe('a service in trouble', () => {
  it.each([500, 503, 401, 302, 'nonsense'] as const)(
    'is asked again, later each time, and the job fails at last: %s',
    async (trouble) => {
      const job = await uploaded();
      const delays: number[] = [];
      for (let failure = 1; failure < 12; failure++) {
        transcoder.troubles.push(trouble);
        delays.push(await delayOf(job));
        expect(await jobOf(job)).toMatchObject({ state: 'queued', failures: failure, lease_until: 0 });
      }
      for (const [failure, delay] of delays.entries()) {
        expect(delay).toBeLessThanOrEqual(Math.min(120, 2 ** (failure + 1)));
        expect(delay).toBeGreaterThanOrEqual(Math.min(60, 2 ** failure));
      }
      transcoder.troubles.push(trouble);
      expect((await deliver([messageOf(job)])).acked).toEqual([0]);
      expect((await jobOf(job)).error).toMatch(/^The transcoding service could not be used: /);
    },
  );

  it('that is busy fails no job', async () => {
    const job = await uploaded();
    for (let time = 0; time < 15; time++) {
      transcoder.troubles.push(429);
      expect(await delayOf(job)).toBeGreaterThanOrEqual(1);
    }
    expect(await jobOf(job)).toMatchObject({ state: 'queued', failures: 0 });
  });

  it('may take half an hour for a run, and keeps it for as long again before and after', async () => {
    await deliver([messageOf(await uploaded())]);
    expect(transcoder.policies).toEqual([{ executionTimeout: 1_800_000, ttl: 5_400_000 }]);
  });

  it('that stays busy is asked ever more seldom', async () => {
    const job = await uploaded();
    transcoder.troubles.push(429);
    const { delays } = await deliver([messageOf(job)], { attempts: 50 });
    expect(delays[0]).toBeGreaterThanOrEqual(60);
  });

  it('that has forgotten a run is given it again', async () => {
    const job = await uploaded();
    await deliver([messageOf(job)]);
    transcoder.forget();
    expect(await delayOf(job)).toBe(1);
    expect(await jobOf(job)).toMatchObject({ state: 'queued', run_id: null, failures: 1 });
    await deliver([messageOf(job)]);
    expect(await jobOf(job)).toMatchObject({ state: 'submitted', run_id: transcoder.runs[0]?.id });
  });

  it('that does not answer is not waited for longer than a lease lasts', async () => {
    const job = await uploaded();
    transcoder.troubles.push('silence');
    expect((await deliver([messageOf(job)], { bindings: { LEASE_SECONDS: 0.3 } })).retried).toEqual([0]);
    expect(await jobOf(job)).toMatchObject({ state: 'queued', failures: 1, lease_until: 0 });
  });
});
