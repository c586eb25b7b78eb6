import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ENVIRONMENTS } from '../environments/binding.ts';
import { ROOT, filesIn } from '../package/project.ts';
import { Site } from './site.ts';

const CORE = join(ROOT, 'js-shim/dist/codex-core.wasm');

describe.each(['linked', 'packed'] as const)('what is deployed, with the %s package', (how) => {
  const site = new Site(inject('sites')[how].folder);
  const sent = join(site.folder, '.svelte-kit/sent');
  beforeAll(() => site.deployInto(sent));
  afterAll(() => rm(sent, { recursive: true, force: true }));

  it('has the core as a module of its own, and not as text too', async () => {
    const core = await readFile(CORE);
    const modules = (await filesIn(sent)).filter((file) => file.endsWith('.wasm'));
    expect(modules).toHaveLength(1);
    expect((await readFile(join(sent, modules[0] ?? ''))).equals(core)).toBe(true);
    expect(await readFile(join(sent, '_worker.js'), 'utf8')).not.toContain(core.toString('base64').slice(0, 60));
  });
});

// Which ids each place gives them is looked at beside the other workers' (tests/environments).
it.each(ENVIRONMENTS.filter((name) => name !== 'local'))('could be deployed to %s, without a warning', async (environment) => {
  const site = new Site(inject('sites').linked.folder);
  const sent = join(site.folder, `.svelte-kit/sent-to-${environment}`);
  try {
    const output = await site.deployInto(sent, environment);
    expect(output).not.toMatch(/\[WARNING\]|\[ERROR\]/);
    for (const binding of ['AUTH_SESSION_KV', 'RATE_LIMIT_KV', 'CACHE_KV', 'DB', 'ASSETS', 'APP_ORIGIN']) {
      expect(output).toContain(`env.${binding}`);
    }
    expect(output).toContain(`codex-web-${environment}`);
    expect(output).toContain('--dry-run: exiting now.');
    expect(await filesIn(sent)).toContain('_worker.js');
  } finally {
    await rm(sent, { recursive: true, force: true });
  }
});
