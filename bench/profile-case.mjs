// Operates one side of one case for a while, alone in this process: what bench/profile.mjs watches.
import { cases } from './cases.ts';
import { MemoryKV } from './memory-kv.ts';

const BATCH = 1_000;

const { name, against, side, ms } = JSON.parse(process.argv[2]);
const chosen = cases.find((one) => one.name === name && one.against === against);
const { operate, afterBatch } = await chosen[side](new MemoryKV());
const end = performance.now() + ms;
for (let number = 0; performance.now() < end; ) {
  for (let left = BATCH; left > 0; left--) await operate(number++);
  await afterBatch?.(number - 1);
}
