/**
 * Makes the unpacked Emscripten find its compiler, its Python and its cache by itself, so that calling `emcc` by its
 * path needs no environment variable. `finalHome` is where the folder will stand once it is renamed into place.
 */
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function configureEmscripten(home, finalHome) {
  const share = join(home, 'root/usr/share');
  const finalUsr = join(finalHome, 'root/usr');

  // Read from the distribution's own file: the LLVM that this Emscripten was packaged for.
  const packaged = readFileSync(join(share, 'emscripten/.emscripten'), 'utf8');
  const llvm = /^LLVM_ADD_VERSION = '(\d+)'/m.exec(packaged)?.[1] ?? onlyLlvm(home);

  writeFileSync(
    join(share, 'emscripten/.emscripten'),
    `import shutil
LLVM_ROOT = '${finalUsr}/lib/llvm-${llvm}/bin'
BINARYEN_ROOT = '${finalUsr}'
NODE_JS = shutil.which('node') or '${process.execPath}'
CACHE = '${join(finalHome, 'cache')}'
`,
  );

  // Emscripten's JavaScript imports acorn the way Debian lays packages out, which Node does not look at.
  const modules = join(share, 'node_modules');
  if (!existsSync(modules)) symlinkSync('nodejs', modules);

  for (const name of readdirSync(join(share, 'emscripten'))) {
    if (!/^em[\w+-]*$/.test(name)) continue;
    const file = join(share, 'emscripten', name);
    const script = readFileSync(file, 'utf8')
      .replace('_EM_PY=$EMSDK_PYTHON', `_EM_PY=\${EMSDK_PYTHON:-${finalUsr}/bin/python3}`)
      .replace('readlink -f $0', 'readlink -f "$0"');
    writeFileSync(file, script);
  }
}

function onlyLlvm(home) {
  const found = readdirSync(join(home, 'root/usr/lib')).find((name) => name.startsWith('llvm-'));
  return found?.slice('llvm-'.length);
}
