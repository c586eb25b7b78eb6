import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeTranscoder } from '../fake-transcoder.ts';
import { LocalConsumer } from './local-consumer.ts';
import { ServedTranscoder } from './served-transcoder.ts';

const LEASE_SECONDS = 6;
/** Some 20 s where nothing else runs. */
const WAIT = { timeout: 240_000, interval: 100 };

describe('the queue consumer on real local queues', () => {
  let transcoder: FakeTranscoder;
  let served: ServedTranscoder;
  let consumer: LocalConsumer;

  beforeEach(async () => {
    transcoder = new FakeTranscoder('the key', { quick: true });
    served = new ServedTranscoder(transcoder);
    consumer = await LocalConsumer.start(await served.listen(), LEASE_SECONDS);
  });

  afterEach(async () => {
    await consumer?.dispose();
    served?.close();
  });

  it('killed in the middle of a batch does every job of it once', async () => {
    const jobs = await consumer.upload(25);
    let killed = 0;
    served.onRun = () => {
      if (transcoder.runs.length === 10 && killed === 0) killed = served.kill();
    };
    await consumer.send(jobs);
    await expect.poll(() => killed, WAIT).toBe(1);

    await expect.poll(() => consumer.states(), WAIT).toEqual({ ready: 25 });
    expect(await consumer.endings()).toEqual({ 1: 25 });
    expect(await consumer.letters()).toEqual([]);
    // Six were asked for when it died, and nobody had noted their runs.
    expect(transcoder.runs.length).toBeGreaterThan(25);
    expect(transcoder.runs.length).toBeLessThanOrEqual(31);
    expect(new Set(transcoder.runs.map(({ mediaId }) => mediaId)).size).toBe(25);
  });

  it('does 990 jobs once, and puts the ten poisoned messages among them, and no others, aside', async () => {
    const jobs = await consumer.upload(990);
    const poison = Array.from({ length: 10 }, (_, at) => [`poison ${at}`, { jobId: at }, { mediaId: null, at }][at % 3]);
    const messages: unknown[] = [...jobs];
    for (const [at, body] of poison.entries()) messages.splice(37 + at * 99, 0, body);
    expect(messages).toHaveLength(1000);
    await consumer.send(messages);

    await expect.poll(() => consumer.states(), WAIT).toEqual({ ready: 990 });
    await expect.poll(async () => (await consumer.letters()).length, WAIT).toBe(10);
    const letters = await consumer.letters();
    expect(letters.map(({ body }) => body).toSorted()).toEqual(poison.map((body) => JSON.stringify(body)).toSorted());
    expect(letters.every(({ reason }) => reason === 'malformed')).toBe(true);
    expect(await consumer.endings()).toEqual({ 1: 990 });
    expect(transcoder.runs).toHaveLength(990);
    expect(new Set(transcoder.runs.map(({ mediaId }) => mediaId)).size).toBe(990);
  });
});
