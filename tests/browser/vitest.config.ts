import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The page in a real browser, served by `wrangler dev`. */
export default defineConfig({
  test: {
    name: 'browser',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['tests/browser/*.test.ts'],
    // `npm start` builds, and a running `wrangler dev` would reload what it watches.
    fileParallelism: false,
    // A page, a password and a first start of each worker take their time on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 180_000,
    hookTimeout: 500_000,
  },
});
