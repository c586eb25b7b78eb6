// Emscripten's smallest runtime instantiates from bytes, which it compiles in the background. Workers forbid that: they have
// compiled the module already, and its instance is there at once. Emscripten puts this into the function around its code.

// biome-ignore lint/correctness/noUnusedVariables: the code around it goes by this name
var WebAssembly = {
  instantiate: async (module, imports) => ({ instance: new globalThis.WebAssembly.Instance(module, imports) }),
};
