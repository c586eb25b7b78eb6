import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ENVIRONMENTS } from './binding.ts';
import { workers } from './workers.ts';

const ROOT = join(import.meta.dirname, '../..');
const WRANGLER = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js');
const ENVIRONMENT = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };

/** An application is built by its own tools first, and deployed by its own tests. */
const deployed = workers()
  .filter(({ fromSource }) => fromSource)
  .flatMap(({ config }) => ENVIRONMENTS.filter((name) => name !== 'local').map((name) => [config, name] as const));

it.concurrent.each(deployed)('%s could be deployed to %s, without a warning', async (config, environment) => {
  const out = await mkdtemp(join(tmpdir(), 'codex-deploy-'));
  try {
    const args = [WRANGLER, 'deploy', '--dry-run', '--config', join(ROOT, config), '--env', environment, '--outdir', out];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: ENVIRONMENT });
    expect(`${stdout}${stderr}`).not.toMatch(/\[WARNING\]|\[ERROR\]/);
    expect(stdout).toContain('--dry-run: exiting now.');
    expect(await readdir(out)).toContain('index.js');
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});
