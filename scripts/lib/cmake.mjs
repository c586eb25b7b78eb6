/** Configures and builds a CMake preset; does next to nothing when nothing changed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { toolEnvironment } from './environment.mjs';
import { withLock } from './lock.mjs';
import { buildDir, root } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { must } from './run.mjs';

/** How many of Emscripten's own libraries the module links: for the progress line only. */
const SYSTEM_LIBRARIES = 13;

/** Builds a preset; with `target`, only that. */
export function buildPreset(preset, toolchain, target = 'all') {
  return withLock(join(buildDir, `${preset}.lock`), `another build of the preset ${preset}`, async () => {
    const options = { cwd: root, env: toolEnvironment(toolchain), whole: true };
    await configure(preset, toolchain, options);
    await compile(preset, target, toolchain, options);
  });
}

async function configure(preset, toolchain, options) {
  // Ninja notices changed CMakeLists.txt files by itself, but neither changed presets nor a moved toolchain.
  const stamp = join(buildDir, preset, '.configured');
  const { emscripten, googletest, nlohmann, fuzzer } = toolchain;
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'CMakePresets.json')))
    .update(JSON.stringify([emscripten, googletest, nlohmann, fuzzer]))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await withProgress(
    `Configuring ${preset}`,
    () => '',
    () => must(`configuring the preset ${preset} failed`, 'cmake', ['--preset', preset, '--fresh'], options),
  );
  writeFileSync(stamp, wanted);
}

async function compile(preset, target, toolchain, options) {
  const begun = Date.now();
  // Ninja by itself starts two more than there are cores, and what runs beside it would have the less of them.
  const args = ['--build', '--preset', preset, '--target', target, '--parallel', String(availableParallelism())];
  let step = '';
  const onText = (text) => {
    const [, done, all] = [...text.matchAll(/\[(\d+)\/(\d+)\]/g)].at(-1) ?? [];
    if (done) step = `${done} of ${all}`;
  };
  await withProgress(
    `Building ${preset}`,
    () => [step, systemLibraries(toolchain, begun)].filter(Boolean).join(', '),
    () => must(`building the preset ${preset} failed`, 'cmake', args, { ...options, onText }),
  );
}

/** The first link of a fetched Emscripten compiles its C and C++ libraries, for a minute and without a word from Ninja. */
function systemLibraries(toolchain, begun) {
  const folder = join(toolchain.emscripten.root, '../../../../cache/sysroot/lib/wasm32-emscripten/lto');
  if (!toolchain.emscripten.fetched || !existsSync(folder)) return '';
  const built = readdirSync(folder).filter((name) => name.endsWith('.a') && statSync(join(folder, name)).mtimeMs > begun);
  return built.length > 0 ? `the first time also ${built.length} of Emscripten's about ${SYSTEM_LIBRARIES} libraries` : '';
}
