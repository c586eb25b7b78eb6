import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The SvelteKit application as its adapter builds it, served by workerd: with the linked package, and with the packed one. */
export default defineConfig({
  test: {
    name: 'web',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['tests/web/*.test.ts'],
    globalSetup: ['tests/web/setup.ts'],
    maxWorkers: 2,
    // The second write of a key within a second waits for its turn.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
