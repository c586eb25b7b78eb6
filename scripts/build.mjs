/** `npm run build`: sets up, builds the wasm module, and compiles the package around it into js-shim/dist. */
import { join } from 'node:path';
import { buildPreset } from './lib/cmake.mjs';
import { withLock } from './lib/lock.mjs';
import { isMain, main } from './lib/main.mjs';
import { buildDir } from './lib/paths.mjs';
import { buildShim } from './lib/shim.mjs';
import { setup } from './setup.mjs';

/** Builds the package with the tools that `setup` returned. */
export function build(toolchain) {
  return withLock(join(buildDir, 'build.lock'), 'another build of this repository', async () => {
    await buildPreset('wasm', toolchain);
    await buildShim(toolchain);
  });
}

if (isMain(import.meta)) {
  await main(async () => {
    await build(await setup());
    console.log('Built: js-shim/dist');
  });
}
