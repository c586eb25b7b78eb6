/** `npm run bench [-- names]`: sets up, builds, and runs bench/run.mjs, which prints the tables of the README. */
import { build } from './build.mjs';
import { buildPreset } from './lib/cmake.mjs';
import { toolEnvironment } from './lib/environment.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/paths.mjs';
import { show } from './lib/run.mjs';
import { setup } from './setup.mjs';

await main(async () => {
  const toolchain = await setup();
  await build(toolchain);
  await buildPreset('native', toolchain, 'memory-tier-bench');
  const options = { cwd: root, env: toolEnvironment(toolchain) };
  return show('node', ['bench/run.mjs', ...process.argv.slice(2)], options);
});
