import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort as freePortOf } from '../../scripts/lib/listening.mjs';
import { workerConfigs } from '../../scripts/lib/local-workers.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url).href);
const WRANGLER = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js');
const ENVIRONMENT = {
  ...process.env,
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  NO_COLOR: '1',
};

/** Half a minute where nothing else runs. */
const READY_MS = 240_000;
const STOP_MS = 10_000;

/** Migrates and fills a local database in `folder`, as `npm start` does in its own. */
export function prepare(folder: string): void {
  const script = join(ROOT, 'workers', 'api', 'scripts', 'prepare-local.mjs');
  const run = spawnSync(process.execPath, [script, '--persist-to', folder], {
    encoding: 'utf8',
    env: ENVIRONMENT,
    timeout: READY_MS,
  });
  if (run.status !== 0) throw new Error(`prepare-local failed:\n${run.stdout}${run.stderr}`);
}

/** A `wrangler dev` of this test's own, keeping its data in one folder. */
export class LocalWorker {
  readonly #folder: string;
  readonly #port: number;
  readonly #configs: string[];
  readonly #ready: string;
  readonly #environment: Record<string, string>;
  #process: ChildProcess | null = null;
  #output = '';

  /**
   * `configs` are the workers' wrangler.tomls, all of this repository's where none are named; the first worker answers HTTP, and `ready` is a path
   * that it answers with 200. `environment` holds the secrets that they require.
   */
  constructor(
    folder: string,
    port: number,
    {
      configs = workerConfigs(),
      ready = '/categories',
      environment = {},
    }: { configs?: string[]; ready?: string; environment?: Record<string, string> } = {},
  ) {
    this.#folder = folder;
    this.#port = port;
    this.#configs = configs;
    this.#ready = ready;
    this.#environment = environment;
    // Whatever happens to the test run, the worker does not outlive it.
    process.once('exit', () => this.#signal('SIGKILL'));
  }

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Starts, and waits until the worker answers. */
  async start(): Promise<void> {
    const args = [
      ...['dev', ...this.#configs.flatMap((config) => ['--config', config]), '--persist-to', this.#folder],
      ...['--ip', '127.0.0.1', '--port', String(this.#port), '--inspector-port', '0', '--show-interactive-dev-session=false'],
    ];
    // A process group of its own, so that workerd, its child, can be stopped with it and nothing else is.
    const child = spawn(process.execPath, [WRANGLER, ...args], {
      cwd: dirname(this.#configs[0] ?? ROOT),
      detached: true,
      env: { ...ENVIRONMENT, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    const deadline = Date.now() + READY_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`wrangler dev did not start:\n${this.#output}`);
      await pause(100);
    }
  }

  /** Stops, and waits until it is gone. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    this.#signal('SIGTERM');
    const impatient = setTimeout(() => this.#signal('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(impatient);
    this.#signal('SIGKILL');
    this.#process = null;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.#port}${this.#ready}`, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
      return false;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process?.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // The group is gone already.
    }
  }
}

/** A loopback port that nobody listens on. */
export const freePort = (): Promise<number> => freePortOf('127.0.0.1');
