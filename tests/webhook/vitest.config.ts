import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const TEST_MIGRATIONS = await readD1Migrations(fromRoot('workers/api/migrations'));
const TEST_SEED = await readFile(fromRoot('workers/api/local/seed.sql'), 'utf8');

/** Stripe's three hundred files name source maps whose sources it does not ship, and Vite warns of each. */
const stripeWithoutSourceMaps = {
  name: 'stripe-without-source-maps',
  load: async (id: string): Promise<string | null> =>
    /\/node_modules\/stripe\/.*\.js$/.test(id)
      ? (await readFile(id, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/m, '')
      : null,
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    silent: 'passed-only',
    projects: [
      {
        // The worker inside workerd, on local KV and D1, with the bindings of its own wrangler.toml.
        plugins: [
          stripeWithoutSourceMaps,
          cloudflareTest({
            wrangler: { configPath: fromRoot('workers/webhook-handler/wrangler.toml') },
            miniflare: { bindings: { TEST_MIGRATIONS, TEST_SEED } },
          }),
        ],
        test: {
          name: 'webhook',
          root: fromRoot('tests/webhook'),
          include: ['*.test.ts'],
          setupFiles: ['./setup.ts'],
          // Fifty deliveries at once take a second, and far longer on a machine that is busy with other things.
          testTimeout: 30_000,
        },
      },
      {
        // Both workers together, as `wrangler dev` runs them, from outside.
        test: {
          name: 'webhook through the api worker',
          root: fromRoot('tests/webhook/outside'),
          include: ['*.test.ts'],
          // The second write of a key within a second waits for its turn.
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
