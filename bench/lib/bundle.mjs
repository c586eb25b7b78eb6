import { build } from 'esbuild';

/** Bundles entry points as a Worker ships them: minified, with the wasm as a module of its own. */
export async function bundle(entryPoints, outdir, more = {}) {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['workerd'],
    external: ['cloudflare:workers', './package.js'],
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
    ...more,
  });
}
