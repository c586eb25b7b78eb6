import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const SHIM = join(ROOT, 'js-shim');
const FIXTURES = join(ROOT, 'tests/package/fixtures');

/** A build that takes seconds takes minutes on a machine that has much else to do. */
const PATIENCE_MS = 300_000;

/** What a command said and how it ended. */
export interface Ran {
  code: number | string;
  stdout: string;
  output: string;
}

/** Somebody's project: a folder of its own under the system's temporary one, and nothing of this repository around it. */
export class Project {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async empty(): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'codex-package-')));
    await project.write({ 'package.json': JSON.stringify({ name: 'somebody', private: true, type: 'module' }) });
    return project;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(this.path(name)), { recursive: true });
      await writeFile(this.path(name), text);
    }
  }

  /** Takes over files of tests/package/fixtures. */
  async take(...names: string[]): Promise<void> {
    for (const name of names) await cp(join(FIXTURES, name), this.path(name));
  }

  /** Puts a link where npm would put a package, as a workspace has it. */
  async link(name: string, target: string): Promise<void> {
    await mkdir(dirname(this.path('node_modules', name)), { recursive: true });
    await symlink(target, this.path('node_modules', name));
  }

  /** Installs a tarball, from that file alone. */
  async install(tarball: string): Promise<void> {
    const ran = await this.npm('install', '--offline', '--no-audit', '--no-fund', tarball);
    if (ran.code !== 0) throw new Error(`npm install failed:\n${ran.output}`);
  }

  npm(...args: string[]): Promise<Ran> {
    return run('npm', args, this.folder, { npm_config_cache: this.path('.npm'), npm_config_userconfig: this.path('.npmrc') });
  }

  node(...args: string[]): Promise<Ran> {
    return run(process.execPath, args, this.folder);
  }

  /** Runs a development tool of this repository here. */
  tool(name: 'tsc' | 'vite' | 'wrangler', ...args: string[]): Promise<Ran> {
    return this.node(join(ROOT, 'node_modules/.bin', name), ...args);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Packs js-shim as npm would publish it. Resolves to the tarball's path, inside `folder`. */
export async function pack(folder: string): Promise<string> {
  const ran = await run('npm', ['pack', '--pack-destination', folder, '--silent'], SHIM);
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (ran.code !== 0 || tarball === undefined) throw new Error(`npm pack failed:\n${ran.output}`);
  return join(folder, tarball);
}

/** The files below a folder, by path from it, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Runs a command to its end, however it ends, within bounds; npm's own settings of the run around it are left out. */
export function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}): Promise<Ran> {
  const outer = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const options = {
    cwd,
    encoding: 'utf8' as const,
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL' as const,
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...Object.fromEntries(outer),
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      CI: '1',
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      ...env,
    },
  };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? error.signal ?? 'failed');
      resolve({ code, stdout, output: `${stdout}${stderr}` });
    });
  });
}
