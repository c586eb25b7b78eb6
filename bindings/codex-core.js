// The JavaScript around the core, in the place of what Emscripten would make. All that an export takes or returns is a number (see
// `type-exports.cpp`), and WebAssembly gives and takes numbers by itself: there is nothing to convert, so what the host calls is the
// compiled function, without a wrapper. Nobody turns a result from 2^31 on back into an `unsigned`; there is none.

import { constants, names } from './codex-core.names.js';

/** Makes an instance of the compiled core. */
export default async function makeModule({ wasm }) {
  const core = new WebAssembly.Instance(wasm).exports;
  core.__wasm_call_ctors();
  const functions = new Uint32Array(core.memory.buffer, core.functions());
  const functionAt = (name, at) => [name, core.__indirect_function_table.get(functions[at])];
  return { ...constants, ...Object.fromEntries(names.map(functionAt)), wasmMemory: core.memory };
}
