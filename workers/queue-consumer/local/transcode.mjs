// What the local transcoding service does with one file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { probe } from './probe.mjs';

/** H.264 and AAC, as every browser plays them; without a picture it is audio alone. */
const ARGUMENTS = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart'];

/**
 * Fetches the file at `source`, makes an MP4 of it with ffmpeg and stores that at `result`. Where ffmpeg is not installed, it only looks
 * into the file, stores nothing and says so. Rejects with a sentence for people.
 * @param {{ source: string, result: string }} input
 * @param {{ ffmpeg: string | null, signal: AbortSignal }} options
 */
export async function transcode({ source, result }, { ffmpeg, signal }) {
  const folder = await mkdtemp(join(tmpdir(), 'codex-transcode-'));
  try {
    const original = join(folder, 'original');
    const response = await fetch(source, { signal });
    if (!response.ok || response.body === null) throw new Error(`The file could not be fetched: ${response.status}.`);
    await pipeline(Readable.fromWeb(response.body), createWriteStream(original));
    const looked = probe(await readFile(original));
    if (ffmpeg === null) {
      if (looked === null) throw new Error('This is no video or audio file that I know.');
      const { kind, durationMs } = looked;
      return {
        note: `ffmpeg is not installed here, so this ${kind} file was only probed, not transcoded.`,
        durationMs,
        resultType: null,
      };
    }
    const made = join(folder, 'made.mp4');
    await run(ffmpeg, ['-nostdin', '-v', 'error', '-i', original, ...ARGUMENTS, made], signal);
    const bytes = await readFile(made);
    const resultType = 'video/mp4';
    const stored = await fetch(result, { method: 'PUT', headers: { 'Content-Type': resultType }, body: bytes, signal });
    if (!stored.ok) throw new Error(`The result could not be stored: ${stored.status}.`);
    return { note: 'Transcoded to MP4 by ffmpeg.', durationMs: probe(bytes)?.durationMs ?? null, resultType };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(command, args, signal) {
  const child = spawn(command, args, { signal, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-300);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`ffmpeg could not read it: ${said.trim().split('\n').at(-1) ?? code}`);
}
