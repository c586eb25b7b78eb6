import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import app from '../../workers/api/src/index.ts';
import type { Env } from '../../workers/api/src/env.ts';
import { objectKey } from '../../workers/api/src/media/media-file.ts';
import type { Media } from '../../workers/api/src/media/media-table.ts';
import { CLEO, CORY, ORIGIN, OLIVE, call, callWith, request, storeSession } from './api.ts';
import type { Answer, Call } from './api.ts';

const SOUND = '?title=A%20tone&category=sound&name=tone.wav&publish=yes';
const BYTES = new Uint8Array(5000).map((_, at) => at % 251);

let cleo: string;

// A user of their own for every test: uploads are counted by user.
beforeEach(async () => {
  cleo = await newUser('creator');
});

async function newUser(role: string): Promise<string> {
  const id = crypto.randomUUID();
  await env.DB.prepare(
    `INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?1, ?1, 'Somebody', ?2, '', 0)`,
  )
    .bind(id, role)
    .run();
  return storeSession(id);
}

/** Uploads as the page does. */
function upload(token: string | undefined, path: string, body: BodyInit | null, headers: Record<string, string> = {}): Request {
  const bare = request('POST', `/media${path}`, {
    ...(token === undefined ? {} : { token }),
    headers: { 'Content-Type': 'audio/wav', ...headers },
  });
  return new Request(bare, body === null ? {} : { body });
}

async function send(
  asked: Request,
  bindings: Partial<Env> = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await app.fetch(asked, { ...env, ...bindings }, createExecutionContext());
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
}

/** Uploads a file; returns its id. */
async function uploaded(token: string): Promise<string> {
  const { status, body } = await send(upload(token, SOUND, BYTES, { 'Content-Length': String(BYTES.length) }));
  expect(status).toBe(202);
  return (body['media'] as { mediaId: string }).mediaId;
}

const length = { 'Content-Length': String(BYTES.length) };

describe('POST /media', () => {
  it('stores the file, notes it with its job, and puts the job into the queue', async () => {
    const sent: unknown[] = [];
    const queue = { send: async (message: unknown) => void sent.push(message) } as unknown as Queue;
    const { status, headers, body } = await send(upload(cleo, SOUND, BYTES, length), { TRANSCODING_QUEUE: queue });
    expect({ status, started: body['started'] }).toEqual({ status: 202, started: true });
    const { mediaId, contentId } = body['media'] as { mediaId: string; contentId: string };

    const object = await env.MEDIA_BUCKET.get(objectKey(mediaId, 'source'));
    expect(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(BYTES);
    expect(object?.httpMetadata?.contentType).toBe('audio/wav');
    const job = await env.DB.prepare('SELECT * FROM transcoding_jobs WHERE media_id = ?1').bind(mediaId).first();
    expect(job).toMatchObject({ state: 'queued', publish: 1, run_id: null, failures: 0 });
    expect(sent).toEqual([{ jobId: job?.['id'], mediaId }]);
    const content = await env.DB.prepare('SELECT * FROM content WHERE id = ?1').bind(contentId).first();
    expect(content).toMatchObject({ title: 'A tone', category_id: 'sound', status: 'draft', updated_at: job?.['created_at'] });
    expect(headers.get('RateLimit-Policy')).toBe('"upload";q=10;w=3600');
  });

  it('says when its message could not be sent, and keeps the job', async () => {
    const queue = { send: () => Promise.reject(new Error('Queue send failed')) } as unknown as Queue;
    const { status, body } = await send(upload(cleo, SOUND, BYTES, length), { TRANSCODING_QUEUE: queue });
    expect({ status, started: body['started'] }).toEqual({ status: 202, started: false });
    const { mediaId } = body['media'] as { mediaId: string };
    expect(await env.DB.prepare('SELECT state FROM transcoding_jobs WHERE media_id = ?1').bind(mediaId).first('state')).toBe(
      'queued',
    );
  });

  it('keeps no file that nobody knows of', async () => {
    let key = '';
    const bucket = {
      put: (name: string, body: ReadableStream) => {
        key = name;
        return env.MEDIA_BUCKET.put(name, body);
      },
      delete: (name: string) => env.MEDIA_BUCKET.delete(name),
    } as unknown as R2Bucket;
    const DB = new Proxy(env.DB, {
      get: (db, name) =>
        name === 'batch' ? () => Promise.reject(new Error('D1_ERROR')) : (db[name as keyof D1Database] as () => void).bind(db),
    });
    const { status } = await send(upload(cleo, SOUND, BYTES, length), { MEDIA_BUCKET: bucket, DB });
    expect(status).toBe(503);
    expect(key).not.toBe('');
    await expect.poll(() => env.MEDIA_BUCKET.head(key)).toBeNull();
  });

  it('answers 503 when the bucket fails, and notes nothing', async () => {
    const bucket = { put: () => Promise.reject(new Error('R2')) } as unknown as R2Bucket;
    const { status, body } = await send(upload(cleo, SOUND, BYTES, length), { MEDIA_BUCKET: bucket });
    expect({ status, type: body['type'] }).toEqual({ status: 503, type: 'urn:codex:problem:storage-unavailable' });
    expect((await call('GET', '/media/mine', { token: cleo })).body['media']).toEqual([]);
  });

  it.each([
    ['no title', SOUND.replace('A%20tone', '%20'), length, 400, 'invalid-input'],
    ['no such category', SOUND.replace('sound', 'cookery'), length, 400, 'invalid-input'],
    ['a text', SOUND, { ...length, 'Content-Type': 'text/html' }, 415, 'unsupported-media-type'],
    ['no length', SOUND, {}, 411, 'length-required'],
    ['too large', SOUND, { 'Content-Length': '95000001' }, 413, 'body-too-large'],
    ['more than it says', SOUND, { 'Content-Length': '4999' }, 503, 'storage-unavailable'],
    ['less than it says', SOUND, { 'Content-Length': '5001' }, 503, 'storage-unavailable'],
  ] as const)('refuses %s', async (_what, path, headers, status, problem) => {
    const refused = await send(upload(cleo, path, BYTES, headers));
    expect({ status: refused.status, type: refused.body['type'] }).toEqual({ status, type: `urn:codex:problem:${problem}` });
  });

  it('refuses a customer, nobody, and another origin', async () => {
    const customer = await storeSession(CORY.id);
    expect((await send(upload(customer, SOUND, BYTES, length))).status).toBe(403);
    expect((await send(upload(undefined, SOUND, BYTES, length))).status).toBe(401);
    expect((await send(upload(cleo, SOUND, BYTES, { ...length, Origin: 'https://evil.example' }))).status).toBe(403);
  });

  it('refuses the eleventh upload of an hour, before it is stored', async () => {
    for (let count = 0; count < 10; count++) await uploaded(cleo);
    const stored = (await env.MEDIA_BUCKET.list()).objects.length;
    const { status, headers, body } = await send(upload(cleo, SOUND, BYTES, length));
    expect({ status, type: body['type'] }).toEqual({ status: 429, type: 'urn:codex:problem:too-many-requests' });
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(3500);
    expect((await env.MEDIA_BUCKET.list()).objects).toHaveLength(stored);
    await uploaded(await newUser('owner'));
  });
});

describe('GET /media/:id/status', () => {
  const status = (token: string, id: string): Promise<Answer> => call('GET', `/media/${id}/status`, { token });
  const key = (id: string): string => `cache:media:processing-status:${id}`;

  it('is answered from KV once it is there, and says what the consumer puts there', async () => {
    const id = await uploaded(cleo);
    const first = await status(cleo, id);
    expect(first.body['media']).toMatchObject({ mediaId: id, state: 'queued', error: null, note: null });
    expect(first.served.steps.map(({ op }) => op)).toContain('find media status');
    await expect.poll(() => env.CACHE_KV.get(key(id))).not.toBeNull();
    expect((await status(cleo, id)).served).toMatchObject({ from: 'kv', d1Queries: 0 });

    const stored = (await env.CACHE_KV.getWithMetadata<object>(key(id), 'json')) as { value: object; metadata: object };
    await env.CACHE_KV.put(key(id), JSON.stringify({ ...stored.value, state: 'transcoding' }), { metadata: stored.metadata });
    const changed = await status(cleo, id);
    expect(changed.body['media']).toMatchObject({ state: 'transcoding' });
    expect(changed.served.d1Queries).toBe(0);
  });

  it('is asked of D1 again where it is older than ten seconds and can still change', async () => {
    const id = await uploaded(cleo);
    await env.DB.prepare(`UPDATE transcoding_jobs SET state = 'failed', error = 'No.', updated_at = 1 WHERE media_id = ?1`)
      .bind(id)
      .run();
    const value = { mediaId: id, creatorId: 'somebody', state: 'queued' };
    const aged = (ms: number): Promise<void> =>
      env.CACHE_KV.put(key(id), JSON.stringify(value), { metadata: { c: Date.now() - ms, s: 60_000 } });
    await aged(9000);
    expect((await status(cleo, id)).status).toBe(403);
    await aged(11_000);
    expect((await status(cleo, id)).body['media']).toMatchObject({ state: 'failed', error: 'No.' });
  });

  it('of somebody else’s is refused, but not to the owner; an unknown one is a 404 and not cached', async () => {
    const id = await uploaded(cleo);
    expect((await status(await storeSession(CLEO.id), id)).status).toBe(403);
    expect((await status(await storeSession(CORY.id), id)).status).toBe(403);
    expect((await status(await storeSession(OLIVE.id), id)).status).toBe(200);
    const unknown = crypto.randomUUID();
    expect((await status(cleo, unknown)).status).toBe(404);
    expect(await env.CACHE_KV.get(key(unknown))).toBeNull();
    expect((await status(cleo, 'x')).status).toBe(400);
    expect((await call('GET', `/media/${id}/status`)).status).toBe(401);
  });

  it('is answered while the cache is away', async () => {
    const id = await uploaded(cleo);
    const fails = (): Promise<never> => Promise.reject(new Error('KV GET failed: 500 Internal Server Error'));
    const away = { get: fails, put: fails, delete: fails };
    const answer = await callWith({ CACHE_KV: away as unknown as KVNamespace }, 'GET', `/media/${id}/status`, { token: cleo });
    expect(answer.body['media']).toMatchObject({ state: 'queued' });
  });
});

describe('GET /media/mine', () => {
  it('lists what the caller uploaded, newest first, and everybody’s to the owner', async () => {
    const [one, other] = [await uploaded(cleo), await uploaded(cleo)];
    await env.DB.prepare('UPDATE media SET created_at = created_at - 1000 WHERE id = ?1').bind(one).run();
    const ids = async (options: Call): Promise<string[]> =>
      ((await call('GET', '/media/mine', options)).body['media'] as Media[]).map(({ mediaId }) => mediaId);
    expect(await ids({ token: cleo })).toEqual([other, one]);
    expect(await ids({ token: await newUser('creator') })).toEqual([]);
    expect(await ids({ token: await storeSession(OLIVE.id) })).toEqual(expect.arrayContaining([one, other]));
    expect((await call('GET', '/media/mine', { token: await storeSession(CORY.id) })).status).toBe(403);
  });
});

describe('a signed address', () => {
  /** What the queue consumer's `media-url.ts` does; tests/queue holds the two together. */
  async function signed(
    verb: string,
    id: string,
    use: string,
    until = Date.now() / 1000 + 60,
    secret = 'the secret',
  ): Promise<string> {
    const path = `/media/${id}/${use}`;
    const whole = Math.ceil(until);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const raw = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign']);
    const signature = await crypto.subtle.sign('HMAC', raw, new TextEncoder().encode(`${verb} ${path} ${whole}`));
    const hex = Array.from(new Uint8Array(signature), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${path}?until=${whole}&signature=${hex}`;
  }

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    Promise.resolve(app.fetch(new Request(new URL(path, ORIGIN), init), env, createExecutionContext()));

  it('gives the file, whole and in parts, to be saved and not shown', async () => {
    const id = await uploaded(cleo);
    const url = await signed('GET', id, 'source');
    const whole = await ask(url);
    expect([whole.status, whole.headers.get('Content-Type')]).toEqual([200, 'audio/wav']);
    expect(whole.headers.get('Content-Disposition')).toBe('attachment');
    expect(whole.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    expect(new Uint8Array(await whole.arrayBuffer())).toEqual(BYTES);
    for (const [range, from, to] of [
      ['bytes=10-19', 10, 20],
      ['bytes=4990-', 4990, 5000],
      ['bytes=-3', 4997, 5000],
    ] as const) {
      const part = await ask(url, { headers: { Range: range } });
      expect([part.status, part.headers.get('Content-Range')]).toEqual([206, `bytes ${from}-${to - 1}/5000`]);
      expect(new Uint8Array(await part.arrayBuffer())).toEqual(BYTES.slice(from, to));
    }
  });

  it('takes the result, which its creator and the owner may have once the job says that there is one', async () => {
    const id = await uploaded(cleo);
    const put = await ask(await signed('PUT', id, 'result'), {
      method: 'PUT',
      headers: { 'Content-Type': 'video/mp4', 'Content-Length': '3' },
      body: new Uint8Array([1, 2, 3]),
    });
    expect(put.status).toBe(204);
    const get = (token: string): Promise<Response> =>
      ask(`/media/${id}/result`, { headers: { Cookie: `codex-session=${token}` } });
    expect((await get(cleo)).status).toBe(404);
    await env.DB.prepare(`UPDATE media SET result_type = 'video/mp4' WHERE id = ?1`).bind(id).run();
    const result = await get(cleo);
    expect([result.status, result.headers.get('Content-Type')]).toEqual([200, 'video/mp4']);
    expect(new Uint8Array(await result.arrayBuffer())).toEqual(new Uint8Array([1, 2, 3]));
    expect((await get(await storeSession(OLIVE.id))).status).toBe(200);
    expect((await get(await storeSession(CLEO.id))).status).toBe(403);
  });

  it('takes a result as it takes an upload: with parameters of its type, and whole', async () => {
    const id = await uploaded(cleo);
    const path = await signed('PUT', id, 'result');
    const put = async (length: string): Promise<number> => {
      const headers = { 'Content-Type': 'video/mp4; codecs="avc1.42E01E"', 'Content-Length': length };
      return (await ask(path, { method: 'PUT', headers, body: new Uint8Array([1, 2, 3]) })).status;
    };
    expect(await put('4')).toBe(503);
    expect(await put('3')).toBe(204);
    expect((await env.MEDIA_BUCKET.head(objectKey(id, 'result')))?.httpMetadata).toEqual({ contentType: 'video/mp4' });
  });

  it('is refused for another file, another use, another method, another secret, too late, and without a signature', async () => {
    const [id, other] = [await uploaded(cleo), await uploaded(cleo)];
    const good = await signed('GET', id, 'source');
    const put = { method: 'PUT', headers: { 'Content-Type': 'video/mp4', 'Content-Length': '1' }, body: 'x' };
    const refused: [string, RequestInit?][] = [
      [good.replace(id, other)],
      [good.replace('signature=', 'signature=0')],
      [good.replace(/until=\d+/, (found) => `${found}0`)],
      [await signed('GET', id, 'source', Date.now() / 1000 - 2)],
      [await signed('GET', id, 'source', undefined, 'a guess')],
      [`/media/${id}/source`],
      [good.replace('/source', '/result'), put],
      [await signed('GET', id, 'result'), put],
    ];
    for (const [path, init] of refused) expect([path, (await ask(path, init)).status]).toEqual([path, 403]);
    expect(await env.MEDIA_BUCKET.head(objectKey(id, 'result'))).toBeNull();
    expect((await ask(good)).status).toBe(200);
    expect((await ask(good, { method: 'HEAD' })).status).toBe(200);
    const bare = app.fetch(new Request(new URL(good, ORIGIN)), { ...env, MEDIA_URL_SECRET: '' }, createExecutionContext());
    expect((await bare).status).toBe(403);
  });
});
