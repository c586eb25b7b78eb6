/**
 * What `npm test` runs, in this order. `npm test -- native api` runs only those.
 *
 * `preset` is a CMake preset to build first; `browser` marks a suite that needs Chromium, `fuzzer` one that needs a compiler
 * for fuzzers; all `commands` run, also after one has failed.
 */
import { cppFiles, typescriptFolders } from './lib/sources.mjs';

const vitest = (folder) => ['vitest', 'run', '--config', `tests/${folder}/vitest.config.ts`];

export const suites = [
  { name: 'format', commands: [['clang-format', '--dry-run', '-Werror', ...cppFiles()]] },
  { name: 'lint', commands: [['biome', 'check', '--error-on-warnings']] },
  {
    name: 'types',
    commands: [
      ['npm', 'run', 'typecheck', '--workspaces', '--if-present', '--silent'],
      ...typescriptFolders().map((folder) => ['tsc', '--noEmit', '-p', folder]),
    ],
  },
  { name: 'law', commands: [vitest('law')] },
  { name: 'environments', commands: [vitest('environments')] },
  { name: 'native', preset: 'native', commands: [['ctest', '--preset', 'native']] },
  { name: 'sanitize', preset: 'sanitize', commands: [['ctest', '--preset', 'sanitize']] },
  { name: 'fuzz', commands: [['node', 'scripts/fuzz.mjs']], fuzzer: true },
  { name: 'worker', commands: [vitest('worker')] },
  { name: 'api', commands: [vitest('api')] },
  { name: 'webhook', commands: [vitest('webhook')] },
  { name: 'queue', commands: [vitest('queue')] },
  { name: 'better-auth', commands: [vitest('better-auth')] },
  { name: 'package', commands: [vitest('package')] },
  { name: 'web', commands: [vitest('web')] },
  { name: 'readme', commands: [vitest('readme')] },
  { name: 'browser', commands: [vitest('browser')], browser: true },
  { name: 'size', commands: [['node', 'scripts/size.mjs']] },
];
