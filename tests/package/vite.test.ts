import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EXPECTED } from './expected.ts';
import { Project, SHIM, filesIn } from './project.ts';
import { served } from './served.ts';

const PACKAGE = '@codex/cloudflare-clients';

/** Builds main.ts, for Node, and exercise.ts, which is a Worker too, the way a framework's server build does. */
async function build(project: Project, noExternal: boolean): Promise<void> {
  await project.take('exercise.ts', 'main.ts', 'wrangler.toml');
  await project.write({
    'vite.config.js': `export default ${JSON.stringify({
      build: { ssr: true, rollupOptions: { input: ['main.ts', 'exercise.ts'] } },
      ssr: { noExternal: noExternal ? [PACKAGE] : [] },
    })};`,
  });
  const ran = await project.tool('vite', 'build');
  if (ran.code !== 0) throw new Error(ran.output);
  const toml = await readFile(project.path('wrangler.toml'), 'utf8');
  await project.write({ 'dist.toml': toml.replace('exercise.ts', 'dist/exercise.js') });
}

const ways: [how: string, inlined: boolean, make: (project: Project) => Promise<void>][] = [
  ['installed, and left outside the bundle', false, (project) => project.install(inject('tarball'))],
  ['installed, and inlined', true, (project) => project.install(inject('tarball'))],
  ['linked as a workspace package, and inlined', true, (project) => project.link(PACKAGE, SHIM)],
];

describe.each(ways)('the package in a Vite SSR build: %s', (_how, inlined, make) => {
  let project: Project;

  beforeAll(async () => {
    project = await Project.empty();
    await make(project);
    await build(project, inlined);
  });
  afterAll(() => project?.remove());

  it(`is ${inlined ? '' : 'not '}in the bundle`, async () => {
    const imports = new RegExp(`from\\s*["']${PACKAGE}["']`);
    const files = (await filesIn(project.path('dist'))).map((file) => readFile(project.path('dist', file), 'utf8'));
    expect((await Promise.all(files)).some((text) => imports.test(text))).toBe(!inlined);
  });

  it('limits, keeps sessions and caches in Node', async () => {
    const ran = await project.node('dist/main.js');
    expect(ran.output).toBe(`${JSON.stringify(EXPECTED)}\n`);
  });

  it('limits, keeps sessions and caches in workerd, over local KV', async () => {
    expect(await served(project, 'dist.toml')).toEqual(EXPECTED);
  });
});
