/**
 * A clang++ that can build fuzzers, that is, one that comes with libFuzzer: the fetched Emscripten's, the one beside `emcc`,
 * or the one on PATH. Where there is none and Debian packages can be fetched, Debian testing's.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../lib/which.mjs';
import { cachedClosure, EMSCRIPTEN_CLOSURE } from './closure-cache.mjs';
import { canFetchPackages } from './debian-closure.mjs';
import { fetchEmscripten, findEmscripten } from './emscripten.mjs';

/** The first clang that takes the `std::expected` of GCC's library for one it can compile. */
const MIN_CLANG_MAJOR = 19;

/** What a person can do where there is none. */
export const NO_FUZZER = `install LLVM ${MIN_CLANG_MAJOR} or newer with its compiler-rt, and put its clang++ on PATH`;

/**
 * `{ cxx, version }`, or undefined when there is none. A fetched one brings its own C and C++ libraries, older ones will not
 * link with its runtime: then also `sysroot`, and `loader`, the program that starts what was built there.
 */
export function findFuzzer() {
  const cached = cachedClosure(EMSCRIPTEN_CLOSURE);
  const fetched = cached && describe(fetchedClang(join(cached.home, 'root')));
  if (fetched) return fetched;
  const beside = join(findEmscripten()?.root ?? '', '../bin/clang++');
  return [beside, which('clang++')].map((cxx) => describe({ cxx })).find(Boolean);
}

export const fuzzer = {
  ready: () => findFuzzer() !== undefined || !canFetchPackages(),

  async run() {
    console.log("No clang++ on PATH can build fuzzers, so Debian testing's goes into a cache of yours (850 MB).");
    await fetchEmscripten();
  },
};

function fetchedClang(sysroot) {
  const folder = join(sysroot, 'usr/lib');
  const find = (parent, pattern) => readdirSync(parent).find((name) => pattern.test(name)) ?? '';
  const libraries = join(folder, find(folder, /-linux-gnu$/));
  const cxx = join(folder, find(folder, /^llvm-/), 'bin/clang++');
  return { cxx, sysroot, loader: join(libraries, find(libraries, /^ld-linux/)) };
}

/** Asks clang what it would link a fuzzer with: it names its libFuzzer whether or not it is installed. */
function describe({ cxx, ...rest }) {
  if (!cxx || !existsSync(cxx)) return undefined;
  const { stderr } = spawnSync(cxx, ['-###', '-fsanitize=fuzzer', '-x', 'c++', '/dev/null'], { encoding: 'utf8' });
  const version = /clang version (\d+)[.\d]*/.exec(stderr ?? '');
  const [, library] = /"([^"]*libclang_rt\.fuzzer(?:[-_][^"/]*)?\.a)"/.exec(stderr ?? '') ?? [];
  if (!version || Number(version[1]) < MIN_CLANG_MAJOR || !library || !existsSync(library)) return undefined;
  return { cxx, version: version[0].slice('clang version '.length), ...rest };
}
