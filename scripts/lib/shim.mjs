/** Compiles js-shim/src, with the generated module beside it, into js-shim/dist. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { toolEnvironment } from './environment.mjs';
import { Failure } from './failure.mjs';
import { buildDir, root } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { must } from './run.mjs';

const shim = join(root, 'js-shim');
const src = join(shim, 'src');
const dist = join(shim, 'dist');
const compiled = join(buildDir, 'shim');

export async function buildShim(toolchain) {
  const generated = generatedFiles();
  // The compiler needs the declarations where the sources import them from; they are ignored by git.
  for (const [name, content] of generated) if (name.endsWith('.d.ts')) writeIfChanged(join(src, name), content);

  // Not into dist itself: the compiler writes every file anew, and for as long a running `wrangler dev` finds none there.
  rmSync(compiled, { recursive: true, force: true });
  await withProgress(
    'Compiling js-shim',
    () => '',
    () =>
      must('compiling js-shim failed', 'tsc', ['-p', join(shim, 'tsconfig.build.json'), '--noEmitOnError'], {
        cwd: root,
        env: toolEnvironment(toolchain),
        whole: true,
      }),
  );
  const built = new Map([...filesOf(compiled), ...generated]);
  for (const [name, content] of built) writeIfChanged(join(dist, name), content);
  removeOthers(dist, new Set([...built.keys()].map((name) => join(dist, name))));
}

/** The files in a folder, by their path from there. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [relative(folder, file), readFileSync(file)]);
}

/** What the package carries of the core. Workers import the .wasm; everywhere else it is inlined as text. */
function generatedFiles() {
  const made = (name) => readFileSync(join(buildDir, 'wasm', name));
  const wasm = made('codex-core.wasm');
  const [numbers, enums] = enumsIn(made('codex-core.d.ts').toString());
  const { constants, names } = registeredBy(made('codex-core-declarations.wasm'), wasm);
  return new Map([
    ['codex-core.js', readFileSync(join(root, 'bindings', 'codex-core.js'))],
    [
      'codex-core.names.js',
      Buffer.from(`export const constants = ${constants};\nexport const names =\n  '${names}'.split(' ');\n`),
    ],
    ['codex-core.d.ts', made('codex-core.d.ts')],
    ...numbers.flatMap(({ name, members }) => [
      [
        `codex-core.${kebabCase(name)}.js`,
        Buffer.from(members.map((member) => `export const ${member.replace(':', ' =')};\n`).join('')),
      ],
      [
        `codex-core.${kebabCase(name)}.d.ts`,
        Buffer.from(members.map((member) => `export declare const ${member};\n`).join('')),
      ],
    ]),
    ['codex-core.enums.js', Buffer.from(`export const enums = {\n${enums.join(',\n')}\n};\n`)],
    ['codex-core.enums.d.ts', Buffer.from(`export declare const enums: {\n${enums.join(';\n')}\n};\n`)],
    ['codex-core.wasm', wasm],
    ['codex-core.base64.js', Buffer.from(`export const base64 =\n  '${wasm.toString('base64')}';\n`)],
    ['codex-core.base64.d.ts', Buffer.from('export declare const base64: string;\n')],
  ]);
}

/**
 * The enumerations among the declarations, `Name: {one: 0, ...}` each, which says the same in JavaScript. Apart those whose members are
 * no words of ours to the outside: the shim names their numbers, and a bundler that knows each as a constant of a module puts the
 * number in its place.
 */
function enumsIn(declarations) {
  const all = [...declarations.matchAll(/^ {2}((\w+): \{(.+)\});$/gm)].map(([, text, name, members]) => ({
    text,
    name,
    members: members.split(', '),
  }));
  const isNumbers = ({ members }) => members.every((member) => /^[A-Z]/.test(member));
  return [all.filter(isNumbers), all.filter((one) => !isNumbers(one)).map(({ text }) => text)];
}

/**
 * What the declared module registers with embind when it starts: constants, and functions in the order of its objects. The one that
 * ships has the same objects and keeps the functions in that order, without names.
 */
function registeredBy(declared, shipped) {
  const constants = {};
  const functions = [];
  const core = instanceOf(declared, {
    _embind_register_constant: (name, _type, value) => {
      constants[textAt(name)] = value;
    },
    _embind_register_function: (name, types) => {
      functions.push({ name: textAt(name), parameters: types - 1 });
    },
  });
  const textAt = (address) => {
    const bytes = Buffer.from(core.memory.buffer, address);
    return bytes.toString('utf8', 0, bytes.indexOf(0));
  };
  core.__wasm_call_ctors();

  const { memory, __indirect_function_table: table, functions: list } = instanceOf(shipped, {});
  const places = new Uint32Array(memory.buffer, list(), functions.length + 1);
  const agree = functions.every(({ parameters }, at) => table.get(places[at])?.length === parameters);
  if (!agree || places[functions.length] !== 0) throw new Failure('the core and its declarations have other functions');
  return { constants: JSON.stringify(constants), names: functions.map(({ name }) => name).join(' ') };
}

/** An instance that hears of nothing but what `env` is told. */
function instanceOf(bytes, env) {
  const module = new WebAssembly.Module(bytes);
  const ignored = WebAssembly.Module.imports(module).map(({ name }) => [name, () => {}]);
  return new WebAssembly.Instance(module, { env: { ...Object.fromEntries(ignored), ...env } }).exports;
}

function kebabCase(name) {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

/** An untouched file keeps its time, so a running `wrangler dev` does not reload for nothing. */
function writeIfChanged(file, content) {
  if (existsSync(file) && readFileSync(file).equals(content)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** What a deleted source once became must not be published. */
function removeOthers(folder, current) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !current.has(file)) rmSync(file);
  }
}
