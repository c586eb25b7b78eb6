// A small transcoding service on this machine, which speaks RunPod's API of serverless endpoints: POST /v2/{endpoint}/run,
// GET /v2/{endpoint}/status/{id}, POST /v2/{endpoint}/cancel/{id}. `npm start` runs it.
//   RUNPOD_API_KEY=… node workers/queue-consumer/local/runpod.mjs [--port 8790]
// Prints `listening on <url>` once it does. Like RunPod's, it forgets what it was told half an hour ago; unlike RunPod's, also
// when it ends.
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { transcode } from './transcode.mjs';

const HOST = '127.0.0.1';
const KEPT_MS = 30 * 60_000;
const MAX_BODY_BYTES = 100_000;

/** How many files it works on at a time. */
const AT_ONCE = 2;

const key = process.env.RUNPOD_API_KEY ?? '';
if (key === '') {
  console.error('RUNPOD_API_KEY is to say which key is let in.');
  process.exit(2);
}
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const ffmpeg = findFfmpeg();

/** @type {Map<string, { id: string, status: string, input: any, output?: object, error?: string, cancel: AbortController, endedAt?: number }>} */
const jobs = new Map();
const waiting = [];
let working = 0;

const server = createServer(async (request, response) => {
  const { status, body } = await answer(request).catch((error) => ({ status: 400, body: { error: String(error.message) } }));
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(values.port), HOST, () => {
  console.log(
    `listening on http://${HOST}:${server.address().port}/v2/local (${ffmpeg ?? 'no ffmpeg here: files are only probed'})`,
  );
});
setInterval(forget, 60_000).unref();

async function answer(request) {
  if (!isKnown(request.headers.authorization ?? '')) return { status: 401, body: { error: 'unauthorized' } };
  const [, verb, id] =
    /^\/v2\/[\w-]+\/(run|status|cancel)(?:\/([\w-]+))?$/.exec(new URL(request.url, 'http://x').pathname) ?? [];
  if (verb === 'run' && request.method === 'POST') {
    const { input } = JSON.parse(await text(request));
    if (typeof input?.source !== 'string' || typeof input?.result !== 'string') throw new Error('input: source and result');
    const job = { id: randomUUID(), status: 'IN_QUEUE', input, cancel: new AbortController() };
    jobs.set(job.id, job);
    waiting.push(job);
    const body = { id: job.id, status: job.status };
    work();
    return { status: 200, body };
  }
  const job = jobs.get(id ?? '');
  if (job === undefined) return { status: 404, body: { error: 'job not found' } };
  if (verb === 'cancel' && request.method === 'POST' && job.endedAt === undefined) {
    end(job, 'CANCELLED');
    job.cancel.abort();
  }
  const { status, output, error } = job;
  return { status: 200, body: { id, status, output, error } };
}

function work() {
  while (working < AT_ONCE && waiting.length > 0) {
    const job = waiting.shift();
    if (job.status !== 'IN_QUEUE') continue;
    job.status = 'IN_PROGRESS';
    working += 1;
    transcode(job.input, { ffmpeg, signal: job.cancel.signal })
      .then(
        (output) => end(job, 'COMPLETED', { output }),
        (error) => end(job, 'FAILED', { error: String(error.message) }),
      )
      .finally(() => {
        working -= 1;
        work();
      });
  }
}

function end(job, status, said = {}) {
  if (job.endedAt === undefined) Object.assign(job, { status, endedAt: Date.now(), ...said });
}

function forget() {
  for (const [id, { endedAt }] of jobs) if (endedAt !== undefined && endedAt < Date.now() - KEPT_MS) jobs.delete(id);
}

function isKnown(authorization) {
  const [given, wanted] = [Buffer.from(authorization), Buffer.from(`Bearer ${key}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function text(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) throw new Error('body too large');
  }
  return body;
}

function findFfmpeg() {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((name) => name !== '')) {
    try {
      accessSync(join(folder, 'ffmpeg'), constants.X_OK);
      return join(folder, 'ffmpeg');
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
