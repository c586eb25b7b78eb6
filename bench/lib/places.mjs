import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bundle } from './bundle.mjs';
import { ask, inWorkerd } from './workerd.mjs';

const bench = (name) => join(import.meta.dirname, '..', name);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Where the cases are run, and on what store. Each begins with a process of its own. */
export const places = [
  {
    id: 'node',
    title: 'Node, in-memory store',
    async run(order) {
      // Its clock is fine enough for short batches, which suffer less from what else the machine does.
      const finer = { ...order, rounds: order.rounds * 6, batchMs: order.batchMs / 6 };
      const args = [bench('node.mjs'), JSON.stringify(finer)];
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MAX_OUTPUT_BYTES });
      return JSON.parse(stdout);
    },
  },
  { id: 'workerd', title: 'workerd, in-memory store', run: (order, scratch) => runInWorkerd('memory', order, scratch) },
  {
    id: 'kv',
    title: 'workerd, real local KV',
    run(order, scratch) {
      // An operation takes milliseconds there: longer batches, and fewer.
      const longer = {
        ...order,
        rounds: Math.ceil(order.rounds / 2),
        batchMs: order.batchMs * 3,
        warmUpMs: order.warmUpMs / 3,
      };
      return runInWorkerd('kv', longer, scratch);
    },
  },
];

async function runInWorkerd(store, order, scratch) {
  const folder = join(scratch, store);
  mkdirSync(folder);
  await bundle([bench('worker.ts')], folder);
  return inWorkerd(folder, 'worker.js', (miniflare) => ask(miniflare, { store, order }), { kvNamespaces: ['OURS', 'PLAIN'] });
}
