/**
 * A folder of unpacked Debian packages in the user's cache: built beside its final place, renamed into it when it is
 * whole, stamped last, and looked over on every use, so that neither an interruption nor a half-deleted cache is used.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeAtomically } from '../lib/files.mjs';
import { withLock } from '../lib/lock.mjs';
import { cacheDir } from '../lib/paths.mjs';
import { unpackClosure } from './debian-closure.mjs';

/**
 * Emscripten, what its clang needs to build fuzzers, and the libraries. The number counts up when what is fetched, or how it
 * is made to run, changes.
 */
export const EMSCRIPTEN_CLOSURE = 'emscripten-2';

/** The libraries alone, where Emscripten was not fetched. */
export const LIBRARY_CLOSURE = 'libraries-1';

/** `{ home }` of the folder called `name`, or undefined when it is not there or not as it was left. */
export function cachedClosure(name) {
  const home = join(cacheDir, name);
  const stamp = readJson(join(home, 'stamp.json'));
  // The loader's address is written into the programs, so a folder that was moved does not count.
  if (stamp?.home !== home) return undefined;
  const whole = Object.entries(stamp.sizes).every(([file, bytes]) => sizeOf(join(home, file)) === bytes);
  return whole ? { home } : undefined;
}

/**
 * Fetches `packages` and what they depend on, and the `companions` of those (see `unpackClosure`).
 * `finish(building, home)` makes the folder usable at `home` while it still stands at `building`, and names the files
 * whose loss is to be noticed. `prove(home)` tries it where it will stay.
 */
export async function fetchClosure(name, packages, { companions = () => [], finish, prove }) {
  const home = join(cacheDir, name);
  mkdirSync(cacheDir, { recursive: true });
  await withLock(`${home}.lock`, 'another set-up, which is fetching the same packages', async () => {
    if (cachedClosure(name)) return;
    if (existsSync(home)) console.log(`${home} is not whole and is fetched again.`);
    const building = `${home}.partial`;
    await unpackClosure(packages, companions, building);
    const keyFiles = await finish(building, home);
    rmSync(home, { recursive: true, force: true });
    renameSync(building, home);
    await prove?.(home);
    const sizes = Object.fromEntries(keyFiles.map((file) => [file, sizeOf(join(home, file))]));
    writeAtomically(join(home, 'stamp.json'), `${JSON.stringify({ home, sizes }, undefined, 2)}\n`);
    for (const old of earlier(name)) console.log(`${old} is for older versions of this project; delete it if you have none.`);
  });
}

/** Folders of the same packages under another number. */
function earlier(name) {
  const stem = name.replace(/\d+$/, '');
  const others = readdirSync(cacheDir).filter((other) => other !== name && other.replace(/\d+$/, '') === stem);
  return others.map((other) => join(cacheDir, other));
}

function sizeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
