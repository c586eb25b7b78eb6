import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { freePort } from './local-worker.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url).href);

/** A build and a first start, on a machine that has much else to do. */
const READY_MS = 400_000;
const STOP_MS = 30_000;

/** What vitest says about itself is not for what it starts. */
const OUTSIDE_VITEST = { NODE_ENV: '', VITEST: '' };

/** What runs on this machine, as Linux tells it. */
function processes(): { pid: number; parent: number; args: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
        const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), parent: Number(parent), args }];
      } catch {
        // It ended in this moment.
        return [];
      }
    });
}

/** `npm start`, as it is typed, on a port and with data of its own. */
export class NpmStart {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ChildProcess;
  #output = '';

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
    // A group of its own, as a terminal gives it one: what Ctrl-C reaches.
    this.#process = spawn('npm', ['start'], {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, ...OUTSIDE_VITEST, PORT: String(port), CODEX_STATE: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    process.once('exit', () => this.#signal('SIGKILL'));
  }

  /** Starts, and waits until it says where to look. */
  static async in(folder: string): Promise<NpmStart> {
    const started = new NpmStart(await freePort(), folder);
    const deadline = Date.now() + READY_MS;
    while (!started.#output.includes(`Ready. Open ${started.url}/ in a browser.`)) {
      if (started.#ended || Date.now() > deadline) throw new Error(`npm start did not start:\n${started.#output}`);
      await pause(100);
    }
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Presses Ctrl-C, and waits until it has ended. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = once(this.#process, 'close');
    this.#signal('SIGINT');
    const impatient = setTimeout(() => this.#signal('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(impatient);
  }

  /** Kills its `wrangler dev`, and waits until it has ended by itself. Its exit code, and what was left of it. */
  async loseWrangler(): Promise<{ code: number | null; left: string[] }> {
    const all = processes();
    const wrangler = all.find(({ args }) => args.includes(`--persist-to ${this.#folder}`));
    const own = all.filter(({ parent }) => parent === wrangler?.parent);
    expect(own.map(({ args }) => args).join('\n')).toContain('runpod.mjs');
    const gone = once(this.#process, 'exit');
    process.kill(-(wrangler?.pid ?? Number.NaN), 'SIGKILL');
    await gone;
    const pids = new Set(own.map(({ pid }) => pid));
    return { code: this.#process.exitCode, left: processes().flatMap(({ pid, args }) => (pids.has(pid) ? [args] : [])) };
  }

  get #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // The group is gone already.
    }
  }
}
