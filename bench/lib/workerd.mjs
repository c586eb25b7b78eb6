import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The Miniflare that wrangler itself runs on.
const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = createRequire(
  createRequire(import.meta.url).resolve('wrangler'),
)('miniflare');

const COMPATIBILITY_DATE = '2026-07-01';

/** Runs a worker from a folder of modules in a workerd of its own, on loopback, with bindings that are empty; always stops it. */
export async function inWorkerd(folder, main, body, bindings = {}) {
  const names = [main, ...readdirSync(folder).filter((name) => name !== main)];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      log: new Log(LogLevel.ERROR),
      telemetry: { enabled: false },
      cf: false,
      compatibilityDate: COMPATIBILITY_DATE,
      modulesRoot: folder,
      modules: names.map((name) => ({
        type: name.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule',
        path: join(folder, name),
        contents: readFileSync(join(folder, name)),
      })),
      ...bindings,
    }),
  );
  try {
    return await body(miniflare);
  } finally {
    await miniflare.dispose();
  }
}

/** What a worker answers to a JSON request. */
export async function ask(miniflare, request = null) {
  const response = await miniflare.dispatchFetch('http://bench/', { method: 'POST', body: JSON.stringify(request) });
  if (!response.ok) throw new Error(`the bench worker failed: ${await response.text()}`);
  return response.json();
}
