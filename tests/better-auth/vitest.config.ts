import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** better-auth inside workerd, on what the package brings for it. Hashing a password takes a while. */
export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: here('wrangler.toml') } })],
  test: {
    name: 'better-auth',
    root: here('.'),
    include: ['*.test.ts'],
    testTimeout: 60_000,
    silent: 'passed-only',
  },
});
