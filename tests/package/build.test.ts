import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, SHIM, filesIn, run } from './project.ts';

/** When each file of the built package was last written. */
async function times(): Promise<[string, number][]> {
  const files = await filesIn(join(SHIM, 'dist'));
  return Promise.all(files.map(async (file) => [file, (await stat(join(SHIM, 'dist', file))).mtimeMs]));
}

/** Or a `wrangler dev` in another terminal would reload in the middle of it, and find half a package. */
it('a build that changes nothing writes nothing', async () => {
  const before = await times();
  expect(before.length).toBeGreaterThan(50);
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts/build.mjs')], ROOT);
  expect(code, output).toBe(0);
  expect(await times()).toEqual(before);
});
