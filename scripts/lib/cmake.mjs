/** Configures and builds a CMake preset; does next to nothing when nothing changed. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolEnvironment } from './environment.mjs';
import { fingerprint } from './files.mjs';
import { buildDir, root, toolchainFile } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { must } from './run.mjs';

/** How many of Emscripten's own libraries the module links: for the progress line only. */
const SYSTEM_LIBRARIES = 13;

export async function buildPreset(preset, toolchain) {
  const env = toolEnvironment(toolchain);
  const folder = join(buildDir, preset);
  // Ninja notices changed CMakeLists.txt files by itself, but neither changed presets nor a moved toolchain.
  const stamp = join(folder, '.configured');
  const wanted = fingerprint(join(root, 'CMakePresets.json'), toolchainFile);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    await withProgress(
      `Configuring ${preset}`,
      () => '',
      () =>
        must(`configuring the preset ${preset} failed`, 'cmake', ['--preset', preset, '--fresh'], {
          cwd: root,
          env,
          whole: true,
        }),
    );
    writeFileSync(stamp, wanted);
  }

  let step = '';
  const begun = Date.now();
  await withProgress(
    `Building ${preset}`,
    () => [step, systemLibraries(toolchain, begun)].filter(Boolean).join(', '),
    () =>
      must(`building the preset ${preset} failed`, 'cmake', ['--build', '--preset', preset], {
        cwd: root,
        env,
        whole: true,
        onText: (text) => {
          step =
            text
              .match(/\d+\/\d+(?=\])/g)
              ?.at(-1)
              ?.replace('/', ' of ') ?? step;
        },
      }),
  );
}

/** The first link of a fetched Emscripten compiles its C and C++ libraries, for a minute and without a word from Ninja. */
function systemLibraries(toolchain, begun) {
  const folder = join(toolchain.emscripten.root, '../../../../cache/sysroot/lib/wasm32-emscripten/lto');
  if (!toolchain.emscripten.fetched || !existsSync(folder)) return '';
  const built = readdirSync(folder).filter((name) => name.endsWith('.a') && statSync(join(folder, name)).mtimeMs > begun);
  return built.length > 0 ? `the first time also ${built.length} of Emscripten's about ${SYSTEM_LIBRARIES} libraries` : '';
}
