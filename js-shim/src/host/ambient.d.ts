// What the Workers runtime provides and no package declares for this one.
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module 'cloudflare:workers' {
  export const waitUntil: ((promise: Promise<unknown>) => void) | undefined;

  export class DurableObject {
    protected readonly ctx: { readonly storage: import('../limit-rows.js').ObjectStorage };
    alarm?(): void | Promise<void>;
  }
}
