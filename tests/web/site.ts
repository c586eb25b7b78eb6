import { copyFile, cp, readFile, readdir, symlink, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalWorker, freePort } from '../browser/local-worker.ts';
import { type Project, ROOT, run } from '../package/project.ts';

const APP = join(ROOT, 'apps/web');
const BIN = join(ROOT, 'node_modules/.bin');
const CIRCUMSTANCES = fileURLToPath(new URL('circumstances.ts', import.meta.url));

/** What vitest says about itself is not for the build: NODE_ENV would make it one for development. */
const OUTSIDE_VITEST = { NODE_ENV: 'production', VITEST: '' };

/** The application in a folder of its own, from its sources to its answers. */
export class Site {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Builds what `wrangler deploy` would send, and beside it what serves the same in circumstances of a test's choosing. */
  async build(): Promise<void> {
    await this.#tool('vite', 'build');
    const built = join(this.folder, '.svelte-kit');
    const toml = await readFile(join(this.folder, 'wrangler.toml'), 'utf8');
    const own = toml
      .replace('.svelte-kit/cloudflare/_worker.js', 'circumstances.ts')
      .replace('.svelte-kit/cloudflare', 'cloudflare');
    await writeFile(join(built, 'wrangler.toml'), own);
    await copyFile(CIRCUMSTANCES, join(built, 'circumstances.ts'));
  }

  /** Migrates and fills a local database in a folder, as the application's own `prepare-local` does. */
  async prepare(state: string): Promise<void> {
    const where = ['--local', '--persist-to', state];
    await this.#tool('wrangler', 'd1', 'migrations', 'apply', 'DB', ...where);
    await this.#tool('wrangler', 'd1', 'execute', 'DB', ...where, '--yes', '--file', 'local/seed.sql');
  }

  /** Serves what was built: by default in circumstances of a test's choosing, else exactly as it is. */
  async serve(state: string, config = '.svelte-kit/wrangler.toml'): Promise<LocalWorker> {
    const worker = new LocalWorker(state, await freePort(), { configs: [join(this.folder, config)], ready: '/login' });
    try {
      await worker.start();
    } catch (error) {
      await worker.stop();
      throw error;
    }
    return worker;
  }

  /** What `wrangler deploy` would send, into a folder; to an environment, or to none, which is where a developer's machine is. */
  deployInto(folder: string, environment = ''): Promise<string> {
    return this.#tool('wrangler', 'deploy', '--dry-run', '--outdir', folder, '--env', environment);
  }

  async #tool(name: 'vite' | 'wrangler', ...args: string[]): Promise<string> {
    const ran = await run(process.execPath, [join(BIN, name), ...args], this.folder, OUTSIDE_VITEST);
    if (ran.code !== 0) throw new Error(`${name} ${args.join(' ')} failed:\n${ran.output}`);
    return ran.output;
  }
}

/** The application where it is, with the package linked as npm links workspaces. */
export function linkedSite(): Site {
  return new Site(APP);
}

/** The application's sources in a project outside this repository, with the package installed from its tarball. */
export async function packedSite(project: Project, tarball: string): Promise<Site> {
  await project.install(tarball);
  for (const name of await readdir(APP)) {
    if (!['node_modules', '.svelte-kit', '.wrangler'].includes(name))
      await cp(join(APP, name), project.path(name), { recursive: true });
  }
  // Everything else that is installed, as it is; the nearer folder first, as Node looks for them.
  for (const folder of [join(APP, 'node_modules'), join(ROOT, 'node_modules')])
    await linkPackages(folder, project.path('node_modules'));
  return new Site(project.folder);
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.startsWith('.') || name === '@codex') continue;
    if (name.startsWith('@')) await linkPackages(join(from, name), join(to, name));
    else await symlink(join(from, name), join(to, name)).catch(ignoreExisting);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
