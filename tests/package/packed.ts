import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { pack } from './project.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The package as `npm publish` would send it. */
    tarball: string;
  }
}

/** Packs once for all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-packed-'));
  project.provide('tarball', await pack(folder));
  return () => rm(folder, { recursive: true, force: true });
}
