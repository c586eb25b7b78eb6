import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { transcodingService } from '../../scripts/lib/local-workers.mjs';

/** The transcoding service that `npm start` runs, on a port of its own. */
export class TranscodingService {
  /** What RUNPOD_URL is to say. */
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#process = child;
  }

  /** Starts, and waits until it listens. `path` is its PATH, on which it looks for ffmpeg. */
  static async start(key: string, path = process.env.PATH ?? ''): Promise<TranscodingService> {
    const env = { ...process.env, RUNPOD_API_KEY: key, PATH: path };
    const child = spawn(process.execPath, [transcodingService], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    process.once('exit', () => child.kill('SIGKILL'));
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /^listening on (\S+)/.exec(line) ?? [];
      if (url !== undefined) return new TranscodingService(url, child);
    }
    throw new Error('the transcoding service did not start');
  }

  /** Stops, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await gone;
  }
}
