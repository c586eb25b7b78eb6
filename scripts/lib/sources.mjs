/** Which files and folders the checks look at, by path from the repository's root. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** Every C++ file. */
export function cppFiles() {
  return ['wasm', 'bindings', 'tests/native', 'tests/fuzz', 'bench/native']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)))
    .filter((file) => /\.(h|cpp)$/.test(file));
}

/** Every folder of tests and benches that has a tsconfig.json. The workspaces bring a script `typecheck` instead. */
export function typescriptFolders() {
  const names = existsSync(join(root, 'tests')) ? readdirSync(join(root, 'tests')) : [];
  const tests = names.flatMap((name) => [join('tests', name), join('tests', name, 'outside')]);
  return ['bench', ...tests].filter((folder) => existsSync(join(root, folder, 'tsconfig.json')));
}
