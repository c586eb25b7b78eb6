/**
 * GoogleTest's sources and nlohmann/json's header: from the environment, the fetched Emscripten's folder, the
 * distribution, or a small folder of their own in the cache.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../lib/failure.mjs';
import { buildDir } from '../lib/paths.mjs';
import { which } from '../lib/which.mjs';
import { cachedClosure, EMSCRIPTEN_CLOSURE, fetchClosure, LIBRARY_CLOSURE } from './closure-cache.mjs';

export const LIBRARY_PACKAGES = ['googletest', 'libgtest-dev', 'nlohmann-json3-dev'];

export const libraryKeyFiles = ['root/usr/src/googletest/googletest/src/gtest-all.cc', 'root/usr/include/nlohmann/json.hpp'];

/** `{ googletest, nlohmann }`: a source folder, and the folder that holds `nlohmann/`. Undefined when one is missing. */
export function findLibraries() {
  const closure = cachedClosure(EMSCRIPTEN_CLOSURE) ?? cachedClosure(LIBRARY_CLOSURE);
  const usrs = [...(closure ? [join(closure.home, 'root/usr')] : []), '/usr', '/usr/local', '/opt/homebrew'];
  const googletest = [process.env.GOOGLETEST_SOURCE_DIR, ...usrs.map((usr) => join(usr, 'src/googletest'))].find(
    (folder) => folder && existsSync(join(folder, 'CMakeLists.txt')),
  );
  const nlohmann = [process.env.NLOHMANN_INCLUDE_DIR, ...usrs.map((usr) => join(usr, 'include'))].find(
    (folder) => folder && existsSync(join(folder, 'nlohmann/json.hpp')),
  );
  return googletest && nlohmann && { googletest, nlohmann };
}

export const libraries = {
  ready: () => findLibraries() !== undefined,

  async run() {
    if (!which('apt-get') || !which('dpkg-deb')) {
      throw new Failure('the sources of GoogleTest or the header of nlohmann/json are missing', [
        'set GOOGLETEST_SOURCE_DIR to a checkout of GoogleTest',
        'set NLOHMANN_INCLUDE_DIR to the folder that holds nlohmann/json.hpp',
      ]);
    }
    await fetchClosure(LIBRARY_CLOSURE, LIBRARY_PACKAGES, { finish: async () => libraryKeyFiles });
  },
};

/**
 * A folder that holds nlohmann/json and nothing else: a whole /usr/include on the wasm compiler's path would replace
 * Emscripten's own C library headers.
 */
export function linkNlohmann(includeDir) {
  const folder = join(buildDir, 'include');
  const link = join(folder, 'nlohmann');
  const target = join(includeDir, 'nlohmann');
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === target) return folder;
  mkdirSync(folder, { recursive: true });
  const neighbour = `${link}.${process.pid}`;
  symlinkSync(target, neighbour);
  renameSync(neighbour, link);
  return folder;
}
