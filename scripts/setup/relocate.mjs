/**
 * Makes unpacked Debian programs run from their folder: each is pointed at the folder's own loader and libraries,
 * because the system's are older. `finalRoot` is where the folder will stand once it is renamed into place.
 * Returns the files that matter, relative to the folder.
 */
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../lib/failure.mjs';
import { must } from '../lib/run.mjs';

const PROGRAMS = [/^usr\/lib\/llvm-\d+\/bin\//, /^usr\/bin\/wasm/];

export async function relocate(root, finalRoot) {
  const triplet = readdirSync(join(root, 'usr/lib')).find((name) => name.endsWith('-linux-gnu'));
  const loader = triplet && readdirSync(join(root, 'usr/lib', triplet)).find((name) => name.startsWith('ld-linux'));
  if (!loader) throw new Failure('the unpacked packages hold no C library');
  const libraries = join('usr/lib', triplet);

  // patchelf rewrites files in place and is itself one of the strangers, so it is run through the loader.
  const patchelf = (args) =>
    must('making the compiler relocatable failed', join(root, libraries, loader), [
      '--library-path',
      join(root, libraries),
      join(root, 'usr/bin/patchelf'),
      ...args,
    ]);

  const changed = programs(root);
  for (const file of changed) {
    await patchelf([
      '--force-rpath',
      '--set-rpath',
      join(finalRoot, libraries),
      '--set-interpreter',
      join(finalRoot, libraries, loader),
      join(root, file),
    ]);
  }
  // A library with a RUNPATH of its own ignores the program's RPATH.
  for (const name of readdirSync(join(root, libraries))) {
    if (!/^lib(LLVM|clang|binaryen).*\.so/.test(name) || !isRegular(join(root, libraries, name))) continue;
    await patchelf(['--set-rpath', '$ORIGIN', join(root, libraries, name)]);
    changed.push(join(libraries, name));
  }

  linkLoaders(root);
  changed.push(wrapPython(root, finalRoot, join(finalRoot, libraries), loader));
  return [...changed, join(libraries, loader)];
}

/**
 * The C library's linker script names the loader outside /usr. A link to the whole of /usr/lib, as Debian has it, would
 * lead clang to its headers by a way that Ninja cannot follow, which would then compile everything every time.
 */
function linkLoaders(root) {
  for (const folder of readdirSync(join(root, 'usr')).filter((name) => name.startsWith('lib'))) {
    for (const loader of readdirSync(join(root, 'usr', folder)).filter((name) => name.startsWith('ld-linux'))) {
      mkdirSync(join(root, folder), { recursive: true });
      symlinkSync(join('../usr', folder, loader), join(root, folder, loader));
    }
  }
}

/** Python is linked to a fixed address and does not survive patchelf, so it is started through the loader instead. */
function wrapPython(root, finalRoot, libraries, loader) {
  const python = readdirSync(join(root, 'usr/bin')).find((name) => /^python3\.\d+$/.test(name));
  const wrapper = join(root, 'usr/bin/python3');
  const program = join(finalRoot, 'usr/bin', python);
  rmSync(wrapper, { force: true });
  writeFileSync(
    wrapper,
    `#!/bin/sh\nexec '${join(libraries, loader)}' --argv0 "$0" --library-path '${libraries}' '${program}' "$@"\n`,
    { mode: 0o755 },
  );
  return join('usr/bin', python);
}

function programs(root) {
  const llvm = readdirSync(join(root, 'usr/lib')).filter((name) => name.startsWith('llvm-'));
  const folders = ['usr/bin', ...llvm.map((name) => join('usr/lib', name, 'bin'))];
  return folders
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
    .filter((file) => PROGRAMS.some((pattern) => pattern.test(file)))
    .filter((file) => isRegular(join(root, file)) && isElf(join(root, file)));
}

function isRegular(file) {
  return lstatSync(file).isFile();
}

function isElf(file) {
  const start = Buffer.alloc(4);
  const handle = openSync(file, 'r');
  readSync(handle, start, 0, 4, 0);
  closeSync(handle);
  return start.toString('latin1') === '\x7fELF';
}
