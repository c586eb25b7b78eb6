import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localSecrets, resumeJobs } from '../../../scripts/lib/local-workers.mjs';
import { LocalWorker, freePort, prepare } from '../../browser/local-worker.ts';
import { TranscodingService } from '../../browser/transcoding-service.ts';
import { tone } from '../../browser/tone.ts';

/** A job that has failed a few times waits for up to two minutes, and the more often the busier the machine is. */
const WAIT = { timeout: 150_000, interval: 200 };

interface Status {
  mediaId: string;
  state: string;
  note: string | null;
  error: string | null;
  durationMs: number | null;
  resultType: string | null;
}

/** All workers in one `wrangler dev`, and the transcoding service, as `npm start` runs them. */
describe('all of it, over HTTP', () => {
  const secrets = localSecrets();
  let folder: string;
  let service: TranscodingService;
  let worker: LocalWorker;
  let cookie: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-queue-'));
    prepare(join(folder, 'state'));
    service = await TranscodingService.start(secrets['RUNPOD_API_KEY'] ?? '', '');
    worker = await started(service);
    const response = await ask(
      'POST',
      '/auth/login',
      JSON.stringify({ email: 'cleo@codex.example', password: 'demo-creator' }),
    );
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(cookie).toMatch(/^codex-session=/);
  });

  afterAll(async () => {
    await worker?.stop();
    await service?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function started({ url }: TranscodingService): Promise<LocalWorker> {
    const port = await freePort();
    const environment = { ...secrets, RUNPOD_URL: url, MEDIA_ORIGIN: `http://127.0.0.1:${port}` };
    const made = new LocalWorker(join(folder, 'state'), port, { environment });
    await made.start();
    return made;
  }

  function ask(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type = 'application/json',
  ): Promise<Response> {
    const headers: Record<string, string> = { Origin: worker.url, Cookie: cookie ?? '' };
    if (body !== undefined) headers['Content-Type'] = type;
    return fetch(`${worker.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  }

  async function upload(title: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const query = new URLSearchParams({ title, category: 'sound', name: `${title}.wav`, publish: 'yes' });
    const response = await ask('POST', `/media?${query}`, bytes, 'audio/wav');
    expect(response.status).toBe(202);
    return ((await response.json()) as { media: Status }).media.mediaId;
  }

  async function status(id: string): Promise<Status> {
    return ((await (await ask('GET', `/media/${id}/status`)).json()) as { media: Status }).media;
  }

  const isListed = async (title: string): Promise<boolean> => {
    const { content } = (await (await ask('GET', '/content?category=sound')).json()) as { content: { title: string }[] };
    return content.some((each) => each.title === title);
  };

  it('takes an upload from the queue to the list, and says that it was only probed where there is no ffmpeg', async () => {
    expect(await isListed('A tone')).toBe(false);
    const id = await upload('A tone', tone(2));
    await expect.poll(async () => (await status(id)).state, WAIT).toBe('ready');
    expect(await status(id)).toMatchObject({
      note: 'ffmpeg is not installed here, so this WAV file was only probed, not transcoded.',
      durationMs: 2000,
      resultType: null,
    });
    await expect.poll(() => isListed('A tone'), WAIT).toBe(true);
    expect((await ask('GET', `/media/${id}/result`)).status).toBe(404);
  });

  it('says why a file could not be transcoded, and publishes nothing', async () => {
    const id = await upload('No tone', new Uint8Array(new TextEncoder().encode('this is a text')));
    await expect.poll(async () => (await status(id)).state, WAIT).toBe('failed');
    expect((await status(id)).error).toBe('This is no video or audio file that I know.');
    expect(await isListed('No tone')).toBe(false);
  });

  it('goes on after everything was killed, and stores what ffmpeg makes where there is one', async () => {
    // The service is away, so the job is still under way when the workers are stopped; their queue goes with them.
    await service.stop();
    const id = await upload('A long tone', tone(1));
    await expect.poll(async () => (await status(id)).state, WAIT).toBe('queued');
    await worker.stop();

    // What ffmpeg is asked to do is only that it writes the last argument; that it can encode is not ours to test.
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'ffmpeg'), '#!/bin/sh\nfor last; do :; done\nprintf "%s" "made by ffmpeg" > "$last"\n');
    await chmod(join(bin, 'ffmpeg'), 0o755);
    service = await TranscodingService.start(secrets['RUNPOD_API_KEY'] ?? '', bin);
    worker = await started(service);
    await expect.poll(() => resumeJobs(worker.url), WAIT).toBe(true);
    await expect
      .poll(async () => {
        await resumeJobs(worker.url);
        return (await status(id)).state;
      }, WAIT)
      .toBe('ready');
    expect(await status(id)).toMatchObject({ note: 'Transcoded to MP4 by ffmpeg.', resultType: 'video/mp4' });
    const result = await ask('GET', `/media/${id}/result`);
    expect([result.headers.get('Content-Type'), await result.text()]).toEqual(['video/mp4', 'made by ffmpeg']);
    await expect.poll(() => isListed('A long tone'), WAIT).toBe(true);
  });

  it('lets nobody in who does not know the key', async () => {
    for (const key of ['', 'Bearer ', 'Bearer guess']) {
      expect((await fetch(`${service.url}/run`, { method: 'POST', headers: { Authorization: key } })).status).toBe(401);
    }
  });
});
