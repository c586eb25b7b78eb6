/** What a Worker ships of the package: bundled, minified and gzipped. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { binDir, root } from './paths.mjs';

/** What we aim at (docs/design.md, Size). */
export const SIZE_AIM_BYTES = 64 * 1024;
/** What nobody may pass unnoticed: what it is now, and a little. */
export const SIZE_LIMIT_BYTES = 65 * 1024;

/** The parts of it, each with its bytes as they are and gzipped. */
export function shippedParts() {
  const folder = mkdtempSync(join(tmpdir(), 'size-'));
  try {
    execFileSync(join(binDir, 'esbuild'), [
      join(root, 'js-shim/dist/index.js'),
      '--bundle',
      '--minify',
      '--format=esm',
      '--conditions=workerd',
      '--external:cloudflare:workers',
      '--loader:.wasm=copy',
      `--outdir=${folder}`,
      '--log-level=error',
    ]);
    return readdirSync(folder).map((name) => {
      const content = readFileSync(join(folder, name));
      const label = name.endsWith('.wasm') ? 'wasm' : 'glue and shim';
      return { label, bytes: content.length, gzipped: gzipSync(content, { level: 9 }).length };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
