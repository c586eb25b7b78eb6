import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';

/** A worker of this folder, bundled for Workers with the wasm beside it, as any bundler does it. */
export interface Bundle {
  /** Runs it at a compatibility date, on a local KV. */
  at(compatibilityDate: string): Miniflare;
  /** Runs it with objects that count attempts, which keep what they write in a folder. `dispose` of it is a SIGKILL. */
  withObjects(compatibilityDate: string, resourcePersistencePath: string): Miniflare;
  dispose(): Promise<void>;
}

export async function bundled(entry: string): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-bundle-'));
  await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), entry)],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker'],
    external: ['cloudflare:*'],
    loader: { '.wasm': 'copy' },
  });
  const files = await readdir(folder);
  // The entry point goes first.
  const modules = files
    .toSorted((one, other) => Number(other.endsWith('.mjs')) - Number(one.endsWith('.mjs')))
    .map((file) => ({
      type: file.endsWith('.wasm') ? ('CompiledWasm' as const) : ('ESModule' as const),
      path: join(folder, file),
    }));
  const kvNamespaces = ['KV'];
  const durableObjects = { LIMITS: { className: 'RateLimitAuthority', useSQLite: true } };
  return {
    at: (compatibilityDate) =>
      new Miniflare(convertV4MiniflareOptions({ compatibilityDate, kvNamespaces, modulesRoot: folder, modules })),
    withObjects: (compatibilityDate, resourcePersistencePath) =>
      new Miniflare({
        ...convertV4MiniflareOptions({ compatibilityDate, kvNamespaces, durableObjects, modulesRoot: folder, modules }),
        resourcePersistencePath,
      }),
    dispose: () => rm(folder, { recursive: true }),
  };
}
