import { posix } from 'node:path';
import { callsOf, codeOf, includesOf, mutableStatics } from './cpp-code.ts';

/** A source file, by its path from the root of the repository. */
export interface Source {
  path: string;
  text: string;
}

/** All sources that the law speaks of. */
export type Sources = readonly Source[];

interface Law {
  name: string;
  /** The files it governs. */
  room: RegExp;
  /** What is wrong in a file, each in a few words. */
  broken(file: Source, all: ReadonlyMap<string, string>): string[];
}

const WASM = /^wasm\/.*\.(?:h|cpp)$/;
const BINDINGS = /^bindings\/.*\.(?:h|cpp)$/;
const CPP = /\.(?:h|cpp)$/;

/** The headers of the standard library have no suffix and no folder. */
const isStandard = (include: string): boolean => /^<[a-z0-9_]+>$/.test(include);
const isOf = (include: string, ...rooms: string[]): boolean => rooms.some((room) => include.startsWith(`"${room}/`));

/** Every match of a pattern in what the compiler sees. */
const found =
  (pattern: RegExp) =>
  ({ text }: Source): string[] =>
    Array.from(codeOf(text).matchAll(pattern), ([match]) => match);

/** What is loaded by the Workers runtime alone. */
const ON_WORKERS = new Set([
  'js-shim/src/host/workerd.ts',
  'js-shim/src/auth-counters.ts',
  'js-shim/src/rate-limit-authority.ts',
  'js-shim/src/session-registry.ts',
]);

/** Who may know whom (docs/design.md), and what the core must not do. */
const laws: readonly Law[] = [
  {
    name: 'the core includes only std, nlohmann/json and itself',
    room: WASM,
    broken: ({ text }) =>
      includesOf(text).filter((name) => !isStandard(name) && name !== '<nlohmann/json.hpp>' && !isOf(name, 'wasm')),
  },
  {
    name: 'the core knows no Emscripten',
    room: WASM,
    broken: ({ text }) => Array.from(text.matchAll(/emscripten|__EM_|\bEM_(?:JS|ASM)\b/gi), ([match]) => match),
  },
  {
    name: 'the core reads no clock',
    room: WASM,
    broken: found(
      /\b\w*(?:_clock|Clock)\s*::\s*now\b|(?<![.>\w])(?:std\s*::\s*)?(?:time|clock|ftime|gettimeofday|clock_gettime|timespec_get)\s*\(|\bInstant\s*::\s*clock\b/g,
    ),
  },
  {
    name: 'the core makes no randomness',
    room: WASM,
    broken: ({ text }) => [
      ...Array.from(
        codeOf(text).matchAll(/\brandom_device\b|\b(?:s?rand|arc4random\w*|getentropy)\s*\(|\b(?:mt19937|minstd_rand)\w*/g),
        ([match]) => match,
      ),
      ...includesOf(text).filter((name) => name === '<random>'),
    ],
  },
  { name: 'the core keeps no global state', room: WASM, broken: ({ text }) => mutableStatics(text) },
  {
    name: 'the core asks nothing that would throw',
    room: WASM,
    broken: found(/(?:\.|->)\s*(?:at|value)\s*\(/g),
  },
  {
    name: 'JSON is read without accessors that would throw',
    room: /^(?:wasm|bindings)\/.*\.(?:h|cpp)$/,
    broken: ({ text }) => (text.includes('nlohmann') ? throwingJson(codeOf(text)) : []),
  },
  {
    name: 'the bindings include only std, Emscripten, the core and themselves',
    room: BINDINGS,
    broken: ({ text }) =>
      includesOf(text).filter(
        (name) => !isStandard(name) && !isOf(name, 'wasm', 'bindings') && !/^<emscripten\/.*>$/.test(name),
      ),
  },
  {
    name: 'only the exports know Emscripten',
    room: BINDINGS,
    broken: ({ path, text }) =>
      /^bindings\/\w[\w-]*-exports\.(?:h|cpp)$/.test(path)
        ? []
        : Array.from(text.matchAll(/emscripten|\bEM_(?:JS|ASM)\b/gi), ([match]) => match),
  },
  {
    name: 'includes name a file by its path from the root',
    room: CPP,
    broken: ({ text }, all) =>
      includesOf(text)
        .filter((name) => name.startsWith('"'))
        .filter((name) => !all.has(name.slice(1, -1))),
  },
  {
    name: 'the shim imports only its own files, #host, and on Workers cloudflare:workers',
    room: /^js-shim\/src\/.*\.ts$/,
    broken: ({ path, text }, all) =>
      importsOf(text).filter((name) => {
        if (name === '#host') return false;
        if (name === 'cloudflare:workers') return !ON_WORKERS.has(path);
        if (!name.startsWith('.')) return true;
        const target = posix.join(posix.dirname(path), name);
        const generated = /^js-shim\/src\/codex-core\.(?:wasm|(?:[a-z0-9-]+\.)?js)$/.test(target);
        return !generated && !all.has(target.replace(/\.js$/, '.ts'));
      }),
  },
  {
    name: 'the package needs no other at run time',
    room: /^js-shim\/package\.json$/,
    broken: ({ text }) => {
      const manifest = JSON.parse(text) as Record<string, unknown>;
      const kinds = ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies', 'bundledDependencies'];
      return kinds.filter((kind) => Object.keys((manifest[kind] as object | undefined) ?? {}).length > 0);
    },
  },
  {
    name: 'the package loads no code by text',
    room: /^js-shim\/src\/.*\.ts$/,
    broken: found(/\beval\s*\(|\bnew\s+Function\b|\bWebAssembly\s*\.\s*(?:compile|instantiate)\w*\s*\(/g),
  },
  {
    name: 'workers and applications import the package by its name',
    room: /^(?:workers|apps)\/.*\.(?:ts|js|mjs)$/,
    broken: ({ path, text }) => {
      const [home = ''] = /^(?:workers|apps)\/[^/]+\//.exec(path) ?? [];
      return importsOf(text).filter((name) => {
        if (name.startsWith('.')) return !posix.join(posix.dirname(path), name).startsWith(home);
        return /js-shim|codex-core/.test(name) || /^@codex\/cloudflare-clients\/(?:dist|src)\b/.test(name);
      });
    },
  },
];

/** Every breach, as `law: file: what`. */
export function breaches(sources: Sources): string[] {
  const all = new Map(sources.map(({ path, text }) => [path, text]));
  return laws.flatMap((law) =>
    sources
      .filter(({ path }) => law.room.test(path))
      .flatMap((file) => law.broken(file, all).map((what) => `${law.name}: ${file.path}: ${what}`)),
  );
}

/** How many files each law governs: a law over nothing holds nothing. */
export function governed(sources: Sources): Map<string, number> {
  return new Map(laws.map(({ name, room }) => [name, sources.filter(({ path }) => room.test(path)).length]));
}

/** Without exceptions these end the program where the text is not what was hoped for. */
function throwingJson(code: string): string[] {
  const breach: string[] = [];
  for (const [match] of code.matchAll(/(?:\.|->)\s*(?:at|value|get|get_to|get_ref|get_ptr)\s*(?:<[^;()]*>\s*)?\(/g)) {
    breach.push(match);
  }
  const documents = Array.from(code.matchAll(/\bjson\b(?:\s*[&*]|\s+const\b)*\s+(\w+)\b/g), ([, name = '']) => name);
  for (const name of new Set([...documents, ...autoDocuments(code)])) {
    for (const [match] of code.matchAll(new RegExp(`(?<![\\w.])${name}\\s*\\[`, 'g'))) breach.push(match);
  }
  for (const args of callsOf(code, /\bjson\s*::\s*parse/)) {
    if (!/,\s*nullptr\s*,\s*false\b/.test(args)) breach.push(`parse(${args})`);
  }
  for (const args of callsOf(code, /(?:\.|->)\s*dump/)) {
    if (!/error_handler_t\s*::\s*(?:replace|ignore)/.test(args)) breach.push(`dump(${args})`);
  }
  return breach;
}

function autoDocuments(code: string): string[] {
  return Array.from(code.matchAll(/\bauto\s*&{0,2}\s*(\w+)\s*=[^;]*\bjson\s*::\s*parse\b/g), ([, name = '']) => name);
}

/** What a module imports, re-exports or loads. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const pattern = /\b(?:from|import|require)\s*\(?\s*(['"`])([^'"`\n]+)\1/g;
  return Array.from(code.matchAll(pattern), ([, , name = '']) => name);
}
