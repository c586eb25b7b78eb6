/**
 * Everything that must be on the machine before the repository can be built and tested. `npm start`, `npm test` and
 * `npm run build` run it first; it does what is missing and is silent when nothing is. Node built-ins only, and old ones:
 * it runs before any package is installed.
 */
import { join } from 'node:path';
import { isMain, main } from './lib/main.mjs';
import { readJson, writeAtomically } from './lib/files.mjs';
import { withLock } from './lib/lock.mjs';
import { buildDir, toolchainFile } from './lib/paths.mjs';
import { chromium, findChromium } from './setup/chromium.mjs';
import { emscripten, findEmscripten } from './setup/emscripten.mjs';
import { findFuzzer, fuzzer as fuzzerStep, NO_FUZZER } from './setup/fuzzer.mjs';
import { findLibraries, libraries, linkNlohmann } from './setup/libraries.mjs';
import { findNode } from './setup/node.mjs';
import { npmPackages } from './setup/npm-packages.mjs';
import { systemTools } from './setup/system-tools.mjs';

const STEPS = [systemTools, npmPackages, emscripten, libraries];

/**
 * Does what is missing, and returns what was found (also left in build/toolchain.json, for CMake and for people).
 * @param {{ browser?: boolean, fuzzer?: boolean }} wanted what only the tests need: a browser, a compiler for fuzzers
 */
export async function setup({ browser = false, fuzzer = false } = {}) {
  const steps = [...STEPS, ...(browser ? [chromium] : []), ...(fuzzer ? [fuzzerStep] : [])];
  if (steps.some((step) => !step.ready())) {
    await withLock(join(buildDir, 'setup.lock'), 'another set-up of this repository', async () => {
      for (const step of steps) if (!step.ready()) await step.run();
    });
  }
  return writeToolchain();
}

function writeToolchain() {
  const { googletest, nlohmann } = findLibraries();
  const toolchain = {
    node: findNode(),
    emscripten: findEmscripten(),
    googletest,
    nlohmann: linkNlohmann(nlohmann),
    chromium: findChromium(),
    fuzzer: findFuzzer(),
  };
  const text = `${JSON.stringify(toolchain, undefined, 2)}\n`;
  // Unchanged files keep their time, so that CMake does not configure again.
  if (JSON.stringify(readJson(toolchainFile)) !== JSON.stringify(JSON.parse(text))) writeAtomically(toolchainFile, text);
  return toolchain;
}

if (isMain(import.meta)) {
  await main(async () => {
    const begun = Date.now();
    const toolchain = await setup({ browser: true, fuzzer: true });
    console.log(`node      ${toolchain.node.version} (${toolchain.node.path})`);
    console.log(`emcc      ${toolchain.emscripten.version} (${toolchain.emscripten.root})`);
    console.log(`chromium  ${toolchain.chromium ?? 'none: apt-get install chromium as root, or set CHROME_PATH'}`);
    console.log(
      `fuzzers   ${toolchain.fuzzer ? `clang ${toolchain.fuzzer.version} (${toolchain.fuzzer.cxx})` : `none: ${NO_FUZZER}`}`,
    );
    console.log(`ready in ${((Date.now() - begun) / 1_000).toFixed(1)} s`);
  });
}
