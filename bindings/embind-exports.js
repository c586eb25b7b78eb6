// What of embind's JavaScript the module needs, in the place of Emscripten's own, whose names these are. All that an export
// takes or returns is a number (see `type-exports.cpp`), and WebAssembly gives and takes numbers by itself: there is nothing
// to convert, so what the host calls is the compiled function, without a wrapper. Nobody turns a result from 2^31 on back into
// an `unsigned`; there is none.

addToLibrary({
  $textAt: (address) => {
    const bytes = new Uint8Array(wasmMemory.buffer, address);
    return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
  },

  _embind_register_function__deps: ['$textAt', '$wasmTable'],
  _embind_register_function: (name, _argumentCount, _types, _signature, _invoker, exported) => {
    Module[textAt(name)] = wasmTable.get(exported);
  },

  _embind_register_constant__deps: ['$textAt'],
  _embind_register_constant: (name, _type, value) => {
    Module[textAt(name)] = value;
  },

  // Emscripten's own tries three sizes more, and then makes ten views of the memory anew, which nobody looks through.
  emscripten_resize_heap: (wanted) => {
    const had = wasmMemory.buffer.byteLength;
    for (const bytes of [Math.max(wanted, had * 1.25), wanted]) {
      try {
        wasmMemory.grow(Math.ceil((bytes - had) / 65_536));
        return 1;
      } catch {
        // More than the maximum.
      }
    }
    return 0;
  },
});
