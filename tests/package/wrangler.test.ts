import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EXPECTED } from './expected.ts';
import { Project, filesIn } from './project.ts';
import { served } from './served.ts';

describe('the installed package, bundled by wrangler', () => {
  let project: Project;

  beforeAll(async () => {
    project = await Project.empty();
    await project.install(inject('tarball'));
    await project.take('exercise.ts', 'wrangler.toml');
  });
  afterAll(() => project?.remove());

  it('is deployed with the core as a module of its own', async () => {
    const ran = await project.tool('wrangler', 'deploy', '--dry-run', '--outdir', 'out');
    expect(ran, ran.output).toMatchObject({ code: 0 });
    const core = (await filesIn(project.path('out'))).filter((file) => file.endsWith('.wasm'));
    expect(core).toHaveLength(1);
    const packed = await readFile(project.path('node_modules/@codex/cloudflare-clients/dist/codex-core.wasm'));
    expect((await readFile(project.path('out', core[0] ?? ''))).equals(packed)).toBe(true);
    // The core as text, for runtimes that cannot import it, stays out.
    const script = await readFile(project.path('out/exercise.js'), 'utf8');
    expect(script).not.toContain(packed.toString('base64').slice(0, 60));
  });

  it('counts in a Durable Object', async () => {
    await project.take('counting.ts', 'counting.toml');
    expect(await served(project, 'counting.toml')).toEqual({ allowed: [true, true, false], exact: true, scope: 'global' });
  });

  it('limits, keeps sessions and caches over local KV', async () => {
    expect(await served(project, 'wrangler.toml')).toEqual(EXPECTED);
  });
});
