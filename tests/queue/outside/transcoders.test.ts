import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../../workers/queue-consumer/local/probe.mjs';
import { tone } from '../../browser/tone.ts';
import { TranscodingService } from '../../browser/transcoding-service.ts';
import { FakeTranscoder } from '../fake-transcoder.ts';
import { ServedTranscoder } from './served-transcoder.ts';

const KEY = 'the key';

/** Serves a tone under /tone, a text under /text, and nothing at all under /slow. */
class Files {
  readonly #server = createServer((request, response) => this.#answer(request.url ?? '', response));
  origin = '';

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string, response: ServerResponse): void {
    if (url === '/tone') response.end(tone(1));
    else if (url === '/text') response.end('a text');
    else if (url !== '/slow') response.writeHead(404).end();
  }
}

const files = new Files();
beforeAll(() => files.listen());
afterAll(() => files.close());

/** Whatever is asked as RunPod is: the local service, and the double that the tests use. */
const TRANSCODERS = {
  'the local service': async () => {
    const service = await TranscodingService.start(KEY, '');
    return { url: service.url, close: () => service.stop() };
  },
  'the double': async () => {
    const served = new ServedTranscoder(new FakeTranscoder(KEY, { quick: true }));
    return { url: await served.listen(), close: async () => served.close() };
  },
};

describe.each(Object.entries(TRANSCODERS))('%s, as a transcoder', (_, start) => {
  let url: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ url, close } = await start());
  });
  afterAll(() => close?.());

  async function ask(
    method: string,
    path: string,
    body?: unknown,
    key = KEY,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, { method, headers, ...init });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async function run(path: string): Promise<string> {
    const input = { mediaId: 'm', source: `${files.origin}${path}`, result: `${files.origin}/result` };
    const { status, body } = await ask('POST', '/run', { input, policy: { ttl: 60_000 } });
    expect({ status, body }).toEqual({ status: 200, body: { id: expect.any(String), status: 'IN_QUEUE' } });
    return String(body['id']);
  }

  it('lets nobody in without the key', async () => {
    const id = await run('/tone');
    for (const [method, path] of [
      ['POST', '/run'],
      ['GET', `/status/${id}`],
      ['POST', `/cancel/${id}`],
    ] as const) {
      expect((await ask(method, path, method === 'POST' ? {} : undefined, 'guess')).status).toBe(401);
    }
  });

  it('completes a run, and goes on saying so', async () => {
    const id = await run('/tone');
    await expect.poll(async () => (await ask('GET', `/status/${id}`)).body['status'], { timeout: 20_000 }).toBe('COMPLETED');
    expect((await ask('POST', `/cancel/${id}`)).status).toBe(200);
    expect((await ask('GET', `/status/${id}`)).body).toMatchObject({ id, status: 'COMPLETED' });
  });

  it('cancels a run that has not ended', async () => {
    const id = await run('/slow');
    expect((await ask('POST', `/cancel/${id}`)).status).toBe(200);
    expect((await ask('GET', `/status/${id}`)).body).toMatchObject({ id, status: 'CANCELLED' });
  });

  it('knows nothing of other runs, and refuses what has no input', async () => {
    expect((await ask('GET', `/status/${crypto.randomUUID()}`)).status).toBe(404);
    expect((await ask('POST', '/run', { input: {} })).status).toBe(400);
  });
});

describe('the local service', () => {
  it('says why it failed', async () => {
    const service = await TranscodingService.start(KEY, '');
    const headers = { Authorization: `Bearer ${KEY}` };
    for (const [path, error] of [
      ['/text', 'This is no video or audio file that I know.'],
      ['/nothing', 'The file could not be fetched: 404.'],
    ]) {
      const input = { source: `${files.origin}${path}`, result: `${files.origin}/result` };
      const started = await fetch(`${service.url}/run`, { method: 'POST', headers, body: JSON.stringify({ input }) });
      const { id } = (await started.json()) as { id: string };
      const status = async (): Promise<unknown> => (await fetch(`${service.url}/status/${id}`, { headers })).json();
      await expect.poll(status, { timeout: 20_000 }).toEqual({ id, status: 'FAILED', error });
    }
    await service.stop();
  });
});

describe('probe', () => {
  /** A movie header of ISO 14496-12: 90,000 units of which 600 are a second. */
  function mp4(version: 0 | 1): Buffer {
    const header = Buffer.alloc(version === 0 ? 24 : 36);
    header[0] = version;
    header.writeUInt32BE(600, version === 0 ? 12 : 20);
    if (version === 0) header.writeUInt32BE(90_000, 16);
    else header.writeBigUInt64BE(90_000n, 24);
    return Buffer.concat([Buffer.from('\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x6cmvhd', 'latin1'), header, Buffer.alloc(80)]);
  }

  it.each([
    ['a WAV', Buffer.from(tone(3)), { kind: 'WAV', durationMs: 3000 }],
    ['a WAV that ends early', Buffer.from(tone(3)).subarray(0, 30), { kind: 'WAV', durationMs: null }],
    ['an MP4', mp4(0), { kind: 'MP4', durationMs: 150_000 }],
    ['an MP4 with long numbers', mp4(1), { kind: 'MP4', durationMs: 150_000 }],
    ['an MP4 without a header', Buffer.from('\0\0\0\x10ftypisom', 'latin1'), { kind: 'MP4', durationMs: null }],
    ['a WebM', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0]), { kind: 'WebM', durationMs: null }],
    ['an MP3', Buffer.from('ID3\x04', 'latin1'), { kind: 'MP3', durationMs: null }],
    ['a text', Buffer.from('a text'), null],
    ['nothing', Buffer.alloc(0), null],
  ])('knows %s', (_what, bytes, found) => {
    expect(probe(bytes)).toEqual(found);
  });
});
