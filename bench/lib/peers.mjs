import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundle } from './bundle.mjs';
import { ask, inWorkerd } from './workerd.mjs';

const bench = (name) => join(import.meta.dirname, '..', name);
/** The modules in `peers`; ours first. */
const MODULES = ['ours', 'plain', 'lru-cache', 'cachified', 'bentocache', 'cacheable', 'cache-manager'];
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The same values in this package's cache, in plain TypeScript's and in the caches of other packages, all of them in turns. */
export const peerPlaces = [
  {
    title: 'Caches of a 480-byte value, Node',
    async run(effort) {
      // Its clock is fine enough for short batches, which suffer less from what else the machine does.
      const finer = { ...effort, rounds: effort.rounds * 4, batchMs: effort.batchMs / 6 };
      const args = [bench('peers-node.mjs'), JSON.stringify({ modules: MODULES, effort: finer })];
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MAX_OUTPUT_BYTES });
      return JSON.parse(stdout);
    },
  },
  {
    title: 'Caches of a 480-byte value, workerd with nodejs_compat (which bentocache, cacheable and cache-manager need)',
    async run(effort, scratch) {
      const folder = join(scratch, 'peers');
      mkdirSync(folder);
      await bundle([bench('peers-worker.ts'), ...MODULES.map((name) => bench(`peers/${name}.ts`))], folder, {
        entryNames: '[name]',
        plugins: [nodeModules],
      });
      // Some of them need modules of Node.
      const bindings = { compatibilityFlags: ['nodejs_compat'] };
      return inWorkerd(folder, 'peers-worker.js', (miniflare) => ask(miniflare, { modules: MODULES, effort }), bindings);
    },
  },
];

/** Leaves modules of Node to the runtime, by the names that it knows them by, as wrangler does. */
const nodeModules = {
  name: 'node-modules',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ path }) =>
      isBuiltin(path) ? { path: path.startsWith('node:') ? path : `node:${path}`, external: true } : undefined,
    );
  },
};
