import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Source } from './law.ts';
import { breaches, governed } from './law.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:h|cpp|ts|js|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('node_modules'))
    .map((file) => ({ path: file.slice(ROOT.length), text: readFileSync(file, 'utf8') }));
}

const sources: Source[] = [
  ...['wasm', 'bindings', 'js-shim/src', 'workers', 'apps/web/src', 'tests/native', 'tests/fuzz'].flatMap(sourcesIn),
  { path: 'js-shim/package.json', text: readFileSync(join(ROOT, 'js-shim/package.json'), 'utf8') },
];

it('is kept by every source', () => {
  expect(breaches(sources)).toEqual([]);
});

it('has something to govern, in every article', () => {
  expect([...governed(sources)].filter(([, files]) => files === 0)).toEqual([]);
});

describe('the law', () => {
  const CORE = 'the core';
  const planted: [what: string, law: string, path: string, text: string][] = [
    ['a third library', `${CORE} includes`, 'wasm/x.cpp', '#include <fmt/format.h>'],
    ['a C header', `${CORE} includes`, 'wasm/x.cpp', '#include <time.h>'],
    ['the bindings in the core', `${CORE} includes`, 'wasm/x.cpp', '#include "bindings/reply.h"'],
    ['part of nlohmann', `${CORE} includes`, 'wasm/x.cpp', '#include <nlohmann/detail/output/serializer.hpp>'],
    ['Emscripten in the core', `${CORE} knows no Emscripten`, 'wasm/x.h', '#include <emscripten/val.h>'],
    ['an Emscripten macro', `${CORE} knows no Emscripten`, 'wasm/x.h', 'EM_JS(int, now, (), {});'],
    ['the system clock', `${CORE} reads no clock`, 'wasm/x.cpp', 'auto t = std::chrono::system_clock::now();'],
    ['the steady clock', `${CORE} reads no clock`, 'wasm/x.cpp', 'auto f() { return std::chrono::steady_clock :: now(); }'],
    ['a clock by another name', `${CORE} reads no clock`, 'wasm/x.cpp', 'Instant f() { return Instant::clock::now(); }'],
    ['time()', `${CORE} reads no clock`, 'wasm/x.cpp', 'long f() { return std::time(nullptr); }'],
    ['a random device', `${CORE} makes no randomness`, 'wasm/x.cpp', 'unsigned f() { return std::random_device{}(); }'],
    ['rand()', `${CORE} makes no randomness`, 'wasm/x.cpp', 'int f() { return rand(); }'],
    ['<random>', `${CORE} makes no randomness`, 'wasm/x.cpp', '#include <random>'],
    ['a global', `${CORE} keeps no global state`, 'wasm/x.cpp', 'namespace codex {\nint calls = 0;\n}'],
    ['a global without a value', `${CORE} keeps no global state`, 'wasm/x.cpp', 'namespace {\nstd::vector<int> seen;\n}'],
    ['a global in braces', `${CORE} keeps no global state`, 'wasm/x.h', 'inline std::atomic<int> calls{0};'],
    ['a pointer to constants', `${CORE} keeps no global state`, 'wasm/x.cpp', 'const char* last = nullptr;'],
    [
      'a static local',
      `${CORE} keeps no global state`,
      'wasm/x.cpp',
      'int f() {\n  static int calls = 0;\n  return ++calls;\n}',
    ],
    ['a static member', `${CORE} keeps no global state`, 'wasm/x.h', 'struct X {\n  inline static std::string last;\n};'],
    ['a thread-local', `${CORE} keeps no global state`, 'wasm/x.cpp', 'thread_local int calls = 0;'],
    ['vector.at()', `${CORE} asks nothing that would throw`, 'wasm/x.cpp', 'int f(V v) { return v.at(0); }'],
    ['optional.value()', `${CORE} asks nothing that would throw`, 'wasm/x.cpp', 'int f(O o) { return o.value(); }'],
    ['json.at()', 'JSON is read', 'bindings/x.cpp', 'void f(const nlohmann::json& j) { j.at("a"); }'],
    ['json.get<>()', 'JSON is read', 'wasm/x.cpp', 'int f(const nlohmann::json& j) { return j.get<int>(); }'],
    ['json.value()', 'JSON is read', 'wasm/x.cpp', 'int f(const nlohmann::json& j) { return j.value("a", 0); }'],
    ['json[]', 'JSON is read', 'wasm/x.cpp', 'void f(const nlohmann::json& doc) { use(doc["a"]); }'],
    [
      'json[] of auto',
      'JSON is read',
      'wasm/x.cpp',
      'void f() { auto d = nlohmann::json::parse(t, nullptr, false); use(d["a"]); }',
    ],
    ['parse() that throws', 'JSON is read', 'wasm/x.cpp', 'auto f() { return nlohmann::json::parse(text); }'],
    ['dump() of anything', 'JSON is read', 'wasm/x.cpp', 'auto f(const nlohmann::json& j) { return j.dump(); }'],
    ['nlohmann in the bindings', 'the bindings include', 'bindings/cache-exports.cpp', '#include <nlohmann/json.hpp>'],
    ['Emscripten elsewhere', 'only the exports', 'bindings/mailbox.h', '#include <emscripten/val.h>'],
    ['an unrooted include', 'includes name a file', 'wasm/kv/x.cpp', '#include "limits.h"'],
    ['an include upwards', 'includes name a file', 'wasm/kv/x.cpp', '#include "../error.h"'],
    ['a dependency of the shim', 'the shim imports', 'js-shim/src/x.ts', "import { z } from 'zod';"],
    ['a Node module', 'the shim imports', 'js-shim/src/host/default.ts', "const fs = await import('node:fs');"],
    ['the runtime elsewhere', 'the shim imports', 'js-shim/src/core.ts', "import { env } from 'cloudflare:workers';"],
    ['a file outside', 'the shim imports', 'js-shim/src/x.ts', "export * from '../../workers/api/src/env.js';"],
    ['a dependency', 'the package needs', 'js-shim/package.json', '{ "dependencies": { "zod": "4.0.0" } }'],
    ['a peer', 'the package needs', 'js-shim/package.json', '{ "peerDependencies": { "hono": "*" } }'],
    ['eval', 'the package loads no code', 'js-shim/src/x.ts', "eval('1');"],
    ['compilation', 'the package loads no code', 'js-shim/src/x.ts', 'await WebAssembly.instantiate(bytes);'],
    [
      'the sources',
      'workers and applications import',
      'workers/api/src/x.ts',
      "import { core } from '../../../js-shim/src/core.js';",
    ],
    [
      'the inside',
      'workers and applications import',
      'workers/api/src/x.ts',
      "import '@codex/cloudflare-clients/dist/core.js';",
    ],
    [
      'another worker',
      'workers and applications import',
      'workers/api/src/x.ts',
      "import x from '../../webhook-handler/src/x.ts';",
    ],
    ['a worker', 'workers and applications import', 'apps/web/src/x.ts', "import x from '../../../workers/api/src/x.ts';"],
  ];

  it.each(planted)('catches %s', (_what, law, path, text) => {
    expect(breaches([{ path, text }]).filter((breach) => breach.startsWith(law))).not.toEqual([]);
  });

  it('catches a global in any file of the core, wherever it stands', () => {
    const core = sources.filter(({ path }) => path.startsWith('wasm/'));
    for (const { path, text } of core) {
      const first = text.replace(/namespace [^{]*\{/, (opening) => `${opening}\nint calls;`);
      const last = text.replace(/\}[^}]*$/, (closing) => `int calls;\n${closing}`);
      for (const planted of [first, last]) {
        expect(planted).not.toBe(text);
        expect(breaches([{ path, text: planted }])).toContain(`the core keeps no global state: ${path}: int calls`);
      }
    }
  });

  const lawful: [what: string, path: string, text: string][] = [
    [
      'words of a comment and a string',
      'wasm/x.cpp',
      '// never rand() or time(x)\nconstexpr auto kWhy = "no steady_clock::now()";',
    ],
    [
      'a constant',
      'wasm/x.h',
      'namespace codex {\ninline constexpr std::array<int, 2> kTwo = {1, 2};\nconst char* const kName = "x";\n}',
    ],
    [
      'functions and types',
      'wasm/x.h',
      'enum class A { B };\nstruct X {\n  int n = 0;\n  static X of(int n = 1);\n};\nX twice(const X& x);\nbool operator==(X, X) = delete;\nusing Y = X;',
    ],
    ['a template', 'wasm/x.h', 'template <class T>\nstruct Task<T>::promise_type {\n  T value{};\n};'],
    ['time of a member', 'wasm/x.cpp', 'long f(E e) { return e.time(0) + e.now.time_since_epoch().count(); }'],
    [
      'a careful parse and dump',
      'wasm/x.cpp',
      'std::string f() {\n  const auto d = nlohmann::json::parse(t, nullptr, false);\n  return d.dump(-1, 0, false, nlohmann::json::error_handler_t::replace);\n}',
    ],
  ];

  it.each(lawful)('lets pass %s', (_what, path, text) => {
    expect(breaches([{ path, text }])).toEqual([]);
  });
});
