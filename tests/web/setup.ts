import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { Project, pack } from '../package/project.ts';
import { linkedSite, packedSite } from './site.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the application is served and where it was built, by how it has the package. */
    sites: Readonly<Record<'linked' | 'packed', { url: string; folder: string }>>;
  }
}

/** Builds and serves the application twice, once for all tests: with the linked package, and with the packed one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-web-'));
  const elsewhere = await Project.empty();
  const running: { stop(): Promise<void> }[] = [];
  const tearDown = async (): Promise<void> => {
    await Promise.all(running.map((worker) => worker.stop()));
    await Promise.all([rm(folder, { recursive: true, force: true }), elsewhere.remove()]);
  };
  try {
    const states = { linked: join(folder, 'linked'), packed: join(folder, 'packed') };
    const linked = linkedSite();
    const packed = await packedSite(elsewhere, await pack(folder));
    await Promise.all([linked.build(), packed.build().then(() => packed.prepare(states.packed))]);
    await cp(states.packed, states.linked, { recursive: true });

    const one = await linked.serve(states.linked);
    running.push(one);
    const other = await packed.serve(states.packed);
    running.push(other);
    project.provide('sites', {
      linked: { url: one.url, folder: linked.folder },
      packed: { url: other.url, folder: packed.folder },
    });
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}
