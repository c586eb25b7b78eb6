/**
 * What `npm test` runs, two at a time, started in this order. `npm test -- native api` runs only those.
 *
 * `preset` is a CMake preset to build first; `browser` marks a suite that needs Chromium, `fuzzer` one that needs a compiler
 * for fuzzers; all `commands` run, also after one has failed. Suites of the same `uses` never run at once: those that compile take
 * both cores by themselves, and those of apps/web write into it.
 */
import { cppFiles, typescriptFolders } from './lib/sources.mjs';

const vitest = (folder) => ['vitest', 'run', '--config', `tests/${folder}/vitest.config.ts`];

export const suites = [
  { name: 'sanitize', preset: 'sanitize', uses: 'compiler', commands: [['ctest', '--preset', 'sanitize']] },
  { name: 'native', preset: 'native', uses: 'compiler', commands: [['ctest', '--preset', 'native']] },
  { name: 'fuzz', fuzzer: true, uses: 'compiler', commands: [['node', 'scripts/fuzz.mjs']] },
  { name: 'format', commands: [['clang-format', '--dry-run', '-Werror', ...cppFiles()]] },
  { name: 'lint', commands: [['biome', 'check', '--error-on-warnings']] },
  {
    name: 'types',
    uses: 'apps/web',
    commands: [
      ['npm', 'run', 'typecheck', '--workspaces', '--if-present', '--silent'],
      ...typescriptFolders().map((folder) => ['tsc', '--noEmit', '-p', folder]),
    ],
  },
  { name: 'law', commands: [vitest('law')] },
  { name: 'environments', commands: [vitest('environments')] },
  { name: 'size', commands: [['node', 'scripts/size.mjs']] },
  { name: 'worker', commands: [vitest('worker')] },
  { name: 'browser', browser: true, uses: 'apps/web', commands: [vitest('browser')] },
  { name: 'queue', commands: [vitest('queue')] },
  { name: 'api', commands: [vitest('api')] },
  { name: 'web', uses: 'apps/web', commands: [vitest('web')] },
  { name: 'better-auth', commands: [vitest('better-auth')] },
  { name: 'package', commands: [vitest('package')] },
  { name: 'webhook', commands: [vitest('webhook')] },
  { name: 'readme', commands: [vitest('readme')] },
];
