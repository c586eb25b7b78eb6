import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import type { TestProjectInlineConfiguration } from 'vitest/config';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const TEST_MIGRATIONS = await readD1Migrations(fromRoot('workers/api/migrations'));
const TEST_SEED = await readFile(fromRoot('workers/api/local/seed.sql'), 'utf8');

/** Stands where the webhook worker does, which tests/webhook brings. Here nothing is to reach it. */
const WEBHOOKS = (): Response => new Response('no webhook worker here', { status: 501 });

/** The oldest date the package supports. */
const OLDEST = '2025-06-01';

/** The worker over HTTP, inside workerd on local KV and D1, with the bindings of the root wrangler.toml. */
const project = (name: string, compatibilityDate: string): TestProjectInlineConfiguration => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: fromRoot('wrangler.toml') },
      miniflare: {
        compatibilityDate,
        bindings: { TEST_MIGRATIONS, TEST_SEED, MEDIA_URL_SECRET: 'the secret' },
        serviceBindings: { WEBHOOKS, DEMO_STRIPE: WEBHOOKS },
      },
    }),
  ],
  test: {
    name: `api ${name} ${compatibilityDate}`,
    // The second write of a key within a second waits for its turn.
    expect: { poll: { timeout: 10_000 } },
    // A dozen passwords at once take seconds on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    root: fromRoot('tests/api'),
    include: ['*.test.ts'],
    setupFiles: ['./setup.ts'],
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    silent: 'passed-only',
    projects: [project('oldest', OLDEST), project('newest', newestDate())],
  },
});

/** The date of the installed workerd, which its version names: 1.20261102.1. */
function newestDate(): string {
  const { version } = createRequire(import.meta.url)('workerd/package.json') as { version: string };
  const [, year, month, day] = /^\d+\.(\d{4})(\d{2})(\d{2})\./.exec(version) ?? [];
  if (!year || !month || !day) throw new Error(`workerd ${version} names no date`);
  return `${year}-${month}-${day}`;
}
