import { env, exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { FAULTY_STORES, type FlightAnswer, type FlightRequest, STORE_TIMEOUT_MS } from './support/flight-route.ts';

// Requests of one isolate that want the same value at once. Real time, since requests have no other.

const PATIENCE_MS = 2000;
/** What a busy machine may add to any wait. */
const SLACK_MS = 1500;

const ask = async (path: string, name: string): Promise<unknown> =>
  (await exports.default.fetch(`http://test${path}?name=${encodeURIComponent(name)}`)).json();
const want = async (request: FlightRequest): Promise<FlightAnswer> =>
  (await ask('/flight', JSON.stringify(request))) as FlightAnswer;
const many = (count: number, request: FlightRequest): Promise<FlightAnswer[]> =>
  Promise.all(Array.from({ length: count }, () => want(request)));
const loadsOf = (name: string): Promise<unknown> => ask('/loads', name);
const newName = (): string => `flight ${crypto.randomUUID()}`;

describe('fifty requests for one cold key', () => {
  it('load once and get fifty answers', async () => {
    const name = newName();
    const answers = await many(50, { name, loadMs: 100 });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 1 })));
    expect(await loadsOf(name)).toBe(1);
    await expect.poll(() => env.KV.get(name, 'json'), { timeout: 5000 }).toEqual({ name, number: 1 });
  });

  it('load once where the leader has answered first', async () => {
    const name = newName();
    await want({ name, loadMs: 300, leave: 'answer' });
    const answers = await many(49, { name });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 1 })));
    expect(await loadsOf(name)).toBe(1);
  });

  it('load once more where the leader has died with its load pending', async () => {
    const name = newName();
    await want({ name, loadMs: 300, leave: 'die' });
    const answers = await many(49, { name, loadMs: 50 });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 2 })));
    expect(await loadsOf(name)).toBe(2);
    for (const { elapsedMs } of answers) expect(elapsedMs).toBeLessThan(PATIENCE_MS + 50 + SLACK_MS);
  });

  it('all get what the loader throws', async () => {
    const name = newName();
    const answers = await many(50, { name, loader: 'throw', loadMs: 1000 });
    expect(answers.map(({ error }) => error)).toEqual(answers.map(() => `Error: no ${name}`));
    expect(await loadsOf(name)).toBe(1);
    expect(await env.KV.get(name)).toBeNull();
  });

  it('load once more where the leader’s loader hangs', async () => {
    const name = newName();
    const leader = want({ name, loader: 'hang', options: { hardTimeoutMs: 500 } });
    await expect.poll(() => loadsOf(name), { timeout: 5000 }).toBe(1);
    const answers = await many(49, { name, loadMs: 50 });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 2 })));
    expect((await leader).error).toContain('hardTimeoutMs');
    expect(await loadsOf(name)).toBe(2);
  });

  it('none waits longer than it was told to', async () => {
    const name = newName();
    const answers = await many(50, { name, loader: 'hang', options: { hardTimeoutMs: 1000 } });
    for (const { error, elapsedMs } of answers) {
      expect(error).toContain('hardTimeoutMs');
      expect(elapsedMs).toBeGreaterThanOrEqual(995);
      expect(elapsedMs).toBeLessThan(1000 + SLACK_MS);
    }
    expect(await loadsOf(name)).toBe(1);
  });
});

describe.each(FAULTY_STORES)('where %s', (store) => {
  const bound = 2 * STORE_TIMEOUT_MS + SLACK_MS;

  it('no request fails, and one loads', async () => {
    const name = newName();
    const answers = await many(20, { name, loadMs: 200, store });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 1 })));
    expect(await loadsOf(name)).toBe(1);
    for (const { elapsedMs } of answers) expect(elapsedMs).toBeLessThan(200 + bound);
  });

  it('none fails where the leader has died', async () => {
    const name = newName();
    await want({ name, loadMs: 1000, leave: 'die', store });
    const answers = await many(10, { name, store });
    expect(answers.map(({ value }) => value)).toEqual(answers.map(() => ({ name, number: 2 })));
    for (const { elapsedMs } of answers) expect(elapsedMs).toBeLessThan(PATIENCE_MS + bound);
  });

  it('all get what the loader throws, and nothing else', async () => {
    const name = newName();
    const answers = await many(10, { name, loader: 'throw', loadMs: 200, store });
    expect(answers.map(({ error }) => error)).toEqual(answers.map(() => `Error: no ${name}`));
  });

  it('none waits longer than it was told to where the loader hangs', async () => {
    const name = newName();
    const answers = await many(10, { name, loader: 'hang', store, options: { hardTimeoutMs: 300 } });
    for (const { error, elapsedMs } of answers) {
      expect(error).toContain('hardTimeoutMs');
      expect(elapsedMs).toBeLessThan(300 + bound);
    }
  });
});
