/** `npm run format`: rewrites C++ and JavaScript as the format suite wants them, and applies the linter's safe fixes. */
import { toolEnvironment } from './lib/environment.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/paths.mjs';
import { show } from './lib/run.mjs';
import { cppFiles } from './lib/sources.mjs';
import { setup } from './setup.mjs';

await main(async () => {
  const options = { cwd: root, env: toolEnvironment(await setup()) };
  const cpp = await show('clang-format', ['-i', ...cppFiles()], options);
  const javascript = await show('biome', ['check', '--write'], options);
  return cpp === 0 && javascript === 0 ? 0 : 1;
});
