import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import type { TestProjectInlineConfiguration } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The oldest date the package supports. */
const OLDEST = '2025-06-01';

/** On a busy machine the larger tests take a while; none waits for real time to pass. */
const TIMEOUT_MS = 60_000;

/** The clients inside workerd, on local KV. */
const project = (name: string, compatibilityDate: string): TestProjectInlineConfiguration => ({
  plugins: [cloudflareTest({ wrangler: { configPath: here('wrangler.toml') }, miniflare: { compatibilityDate } })],
  test: {
    name: `worker ${name} ${compatibilityDate}`,
    root: here('.'),
    include: ['*.test.ts'],
    // The second write of a key within a second waits for its turn.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: TIMEOUT_MS,
  },
});

/** What cannot be tried from inside: a runtime that is too old, and Node. */
const outside: TestProjectInlineConfiguration = {
  test: { name: 'worker outside', root: here('outside'), include: ['*.test.ts'], testTimeout: TIMEOUT_MS },
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    silent: 'passed-only',
    projects: [project('oldest', OLDEST), project('newest', newestDate()), outside],
  },
});

/** The date of the installed workerd, which its version names: 1.20261102.1. */
function newestDate(): string {
  const { version } = createRequire(import.meta.url)('workerd/package.json') as { version: string };
  const [, year, month, day] = /^\d+\.(\d{4})(\d{2})(\d{2})\./.exec(version) ?? [];
  if (!year || !month || !day) throw new Error(`workerd ${version} names no date`);
  return `${year}-${month}-${day}`;
}
