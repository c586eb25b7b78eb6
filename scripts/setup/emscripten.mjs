/**
 * Emscripten: the one on PATH if it is new enough, otherwise Debian testing's in the user's cache. Called by its path it
 * needs no environment variable.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure } from '../lib/failure.mjs';
import { withProgress } from '../lib/progress.mjs';
import { must } from '../lib/run.mjs';
import { which } from '../lib/which.mjs';
import { cachedClosure, EMSCRIPTEN_CLOSURE, fetchClosure } from './closure-cache.mjs';
import { configureEmscripten } from './emscripten-config.mjs';
import { LIBRARY_PACKAGES, libraryKeyFiles } from './libraries.mjs';
import { relocate } from './relocate.mjs';

/** 4.0.7 to 4.0.9 write compiler chatter into the generated .d.ts (emscripten issue 24403). */
const MIN_VERSION = [4, 0, 10];

/** `{ root, emxx, version, fetched }`, or undefined when there is none yet. */
export function findEmscripten() {
  const onPath = which('emcc');
  if (onPath) {
    const found = describe(dirname(realpathSync(onPath)), false) ?? describe(askEmConfig(), false);
    if (found && atLeast(found.version, MIN_VERSION)) return found;
  }
  const cached = cachedClosure(EMSCRIPTEN_CLOSURE);
  return cached && describe(join(cached.home, 'root/usr/share/emscripten'), true);
}

export const emscripten = {
  ready: () => findEmscripten() !== undefined,

  async run() {
    if (!which('apt-get') || !which('dpkg-deb')) {
      throw new Failure(
        `Emscripten ${MIN_VERSION.join('.')} or newer is needed, and can be fetched only on Debian and Ubuntu`,
        [
          'git clone https://github.com/emscripten-core/emsdk, and in it: ./emsdk install latest && ./emsdk activate latest',
          'put it on PATH with: source emsdk_env.sh, and run this again',
        ],
      );
    }
    console.log("Emscripten: none on PATH that is new enough, so Debian testing's goes into a cache of yours (850 MB).");
    await fetchEmscripten();
  },
};

/** Fetches Debian testing's Emscripten, whose clang can build fuzzers too. */
export function fetchEmscripten() {
  return fetchClosure(EMSCRIPTEN_CLOSURE, ['emscripten', 'patchelf', ...LIBRARY_PACKAGES], {
    companions: fuzzerRuntime,
    async finish(building, home) {
      const changed = await withProgress(
        'Making the compiler run from its folder',
        () => '',
        () => relocate(join(building, 'root'), join(home, 'root')),
      );
      configureEmscripten(building, home);
      const keyFiles = [...changed, 'usr/share/emscripten/emcc.py', ...runtimeFiles(join(building, 'root'))];
      return [...keyFiles.map((file) => join('root', file)), ...libraryKeyFiles];
    },
    prove: (home) =>
      withProgress(
        'Trying the compiler',
        () => '',
        () => compileSomething(join(home, 'root/usr/share/emscripten/em++')),
      ),
  });
}

/** What clang links fuzzers and sanitizers with: a package named by LLVM's version, which the compiler's own tells. */
function fuzzerRuntime(files) {
  const llvm = files.map((file) => /^clang-(\d+)_/.exec(file)?.[1]).find(Boolean);
  return llvm ? [`libclang-rt-${llvm}-dev`] : [];
}

function runtimeFiles(root) {
  const llvm = readdirSync(join(root, 'usr/lib')).filter((name) => name.startsWith('llvm-'));
  return llvm.flatMap((name) => {
    const folder = join('usr/lib', name, 'lib/clang');
    const files = readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file));
    return files.filter((file) => /libclang_rt\.(fuzzer|asan|ubsan)[^/]*\.a$/.test(file));
  });
}

async function compileSomething(emxx) {
  const folder = mkdtempSync(join(tmpdir(), 'emscripten-'));
  try {
    const source = join(folder, 'try.cpp');
    writeFileSync(source, '#include <coroutine>\n#include <expected>\nstd::expected<int, int> f() { return 1; }\n');
    await must('the fetched Emscripten does not compile', emxx, ['-std=c++23', '-c', source, '-o', join(folder, 'try.o')], {
      env: { ...process.env, EM_CONFIG: join(dirname(emxx), '.emscripten') },
      next: ['report this with the output above', 'or install Emscripten yourself (emsdk) and put emcc on PATH'],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Homebrew's `emcc` is a script elsewhere, which only Emscripten itself sees through. */
function askEmConfig() {
  return spawnSync('em-config', ['EMSCRIPTEN_ROOT'], { encoding: 'utf8' }).stdout?.trim();
}

/** Every distribution of Emscripten has its version in a file, which saves starting it to ask. */
function describe(root, fetched) {
  if (!root) return undefined;
  const file = join(root, 'emscripten-version.txt');
  if (!existsSync(file)) return undefined;
  const version = readFileSync(file, 'utf8').replace(/[\s"]/g, '');
  return { root, emxx: join(root, 'em++'), version, fetched };
}

function atLeast(version, minimum) {
  const parts = version.split(/[.-]/).map(Number);
  const differs = minimum.findIndex((number, index) => parts[index] !== number);
  return differs === -1 || parts[differs] > minimum[differs];
}
