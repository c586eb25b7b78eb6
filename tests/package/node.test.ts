import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EXPECTED } from './expected.ts';
import { Project } from './project.ts';

describe('the installed package, in Node', () => {
  let project: Project;

  beforeAll(async () => {
    project = await Project.empty();
    await project.install(inject('tarball'));
    await project.take('exercise.ts', 'main.ts');
  });
  afterAll(() => project?.remove());

  it('limits, keeps sessions and caches over a store in memory', async () => {
    const ran = await project.node('main.ts');
    expect(ran.output).toBe(`${JSON.stringify(EXPECTED)}\n`);
  });

  it('leaves nothing that keeps the process from ending', async () => {
    const ran = await project.node('--input-type=module', '--eval', "await import('@codex/cloudflare-clients')");
    expect(ran).toEqual({ code: 0, stdout: '', output: '' });
  });
});
