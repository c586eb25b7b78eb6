import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { readmeSnippets } from './virtual-snippets.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The programs of the READMEs, inside workerd on local KV and D1. */
export default defineConfig({
  plugins: [readmeSnippets(), cloudflareTest({ wrangler: { configPath: here('wrangler.toml') } })],
  test: { name: 'readme', root: here('.'), include: ['*.test.ts'] },
});
