import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { median, quantile } from './statistics.mjs';
import { ask, inWorkerd } from './workerd.mjs';

const bench = (name) => join(import.meta.dirname, '..', name);

/**
 * Starts a new workerd process again and again, and measures how long the first check takes: inside the worker, from the import of
 * the package to the verdict; and from outside, from the start of the process to the answer, beside a worker that does nothing.
 * Milliseconds. The clock inside ticks once a millisecond, so that what it shows is less than 1 ms too little.
 */
export async function firstUse(scratch, runs) {
  const workers = {
    importing: await prepare(scratch, 'first-use-worker', 'package'),
    complete: await prepare(scratch, 'first-check-worker'),
    empty: await prepare(scratch, 'empty-worker'),
  };
  const imported = [];
  const inside = [];
  const extra = [];
  const empty = [];
  for (let run = 0; run < runs; run++) {
    const { importMs, ms } = await start(workers.importing);
    imported.push(importMs);
    inside.push(ms);
    // Taking turns here as well: what slows one down slows the other.
    const order = run % 2 === 0 ? ['complete', 'empty'] : ['empty', 'complete'];
    const took = {};
    for (const name of order) took[name] = (await start(workers[name])).outside;
    extra.push(took.complete - took.empty);
    empty.push(took.empty);
  }
  return { imported: spread(imported), inside: spread(inside), extra: spread(extra), empty: spread(empty) };
}

function spread(values) {
  return { median: median(values), low: quantile(values, 0.1), high: quantile(values, 0.9) };
}

async function prepare(scratch, main, ...beside) {
  const folder = join(scratch, main);
  mkdirSync(folder);
  await bundle(
    [main, ...beside].map((name) => bench(`${name}.ts`)),
    folder,
  );
  return { folder, main: `${main}.js` };
}

async function start({ folder, main }) {
  const began = performance.now();
  return inWorkerd(folder, main, async (miniflare) => {
    const answer = await ask(miniflare);
    return { ...answer, outside: performance.now() - began };
  });
}
