import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const TEST_MIGRATIONS = await readD1Migrations(fromRoot('workers/api/migrations'));
const TEST_SEED = await readFile(fromRoot('workers/api/local/seed.sql'), 'utf8');

/** The queue consumer: inside workerd, on local queues, D1 and KV; and from outside, killed and with the api worker. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    silent: 'passed-only',
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: fromRoot('workers/queue-consumer/wrangler.toml') },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS,
                TEST_SEED,
                RUNPOD_URL: 'https://transcoder.example/v2/codex',
                MEDIA_ORIGIN: 'https://codex.example',
                RUNPOD_API_KEY: 'the key',
                MEDIA_URL_SECRET: 'the secret',
              },
            },
          }),
        ],
        test: {
          name: 'queue',
          root: fromRoot('tests/queue'),
          include: ['*.test.ts'],
          setupFiles: ['../api/setup.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'queue outside',
          root: fromRoot('tests/queue/outside'),
          include: ['*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 500_000,
        },
      },
    ],
  },
});
