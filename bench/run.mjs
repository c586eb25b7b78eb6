/**
 * The package beside plain TypeScript and beside other caches, its size, its first use, its memory tier beside an LRU, and all of it
 * under load. `npm run bench` sets up, builds, and runs this.
 *
 * `quick` measures for less long and shows more noise; `--write` puts the tables into README.md; `--only=<text>` runs the operations
 * whose name contains it, and nothing else; `--place=<node | workerd | kv | peers | limits | tier | load | platform>` only one place's:
 * with `peers` caches of other packages, with `tier` what is measured of the memory tier natively, with `load` Zipf-distributed
 * requests over HTTP, with `platform` the workers of this repository. A missed target is shown and fails nothing.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure } from '../scripts/lib/failure.mjs';
import { main } from '../scripts/lib/main.mjs';
import { root } from '../scripts/lib/paths.mjs';
import { SIZE_AIM_BYTES, shippedParts } from '../scripts/lib/shipped-size.mjs';
import { firstUse } from './lib/first-use.mjs';
import { hotKey } from './lib/hot-key.mjs';
import { limitObject } from './lib/limit-object.mjs';
import { load } from './lib/load.mjs';
import { memoryTier } from './lib/memory-tier.mjs';
import { peerPlaces } from './lib/peers.mjs';
import { places } from './lib/places.mjs';
import { platform } from './lib/platform.mjs';
import { writeInto } from './lib/readme.mjs';
import { summarise } from './lib/statistics.mjs';
import {
  caseTable,
  firstUseTable,
  hitRatioTable,
  hotKeyTable,
  limitObjectTable,
  loadTable,
  peerTable,
  platformTable,
  sizeTable,
  tierTimeTable,
} from './lib/tables.mjs';

const FULL = { rounds: 60, batchMs: 24, warmUpMs: 600, starts: 15, hotSeconds: 10, load: [200_000, 240_000], turns: 12 };
const QUICK = { rounds: 15, batchMs: 16, warmUpMs: 250, starts: 5, hotSeconds: 5, load: [20_000, 60_000], turns: 6 };

const PLACES = 'node | workerd | kv | peers | limits | tier | load | platform';
const USAGE = `npm run bench -- [quick] [--write] [--only=<operation>] [--place=<${PLACES}>]`;

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      write: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      place: { type: 'string', default: '' },
    },
  });
  const quick = positionals.includes('quick');
  if (positionals.some((word) => word !== 'quick')) {
    throw new Failure('unknown argument', [USAGE]);
  }
  const effort = { ...(quick ? QUICK : FULL), only: values.only };

  const began = Date.now();
  const sections = [heading(quick)];
  const show = (section) => {
    sections.push(section);
    console.log(`\n${section}`);
  };
  console.log(sections[0]);
  const scratch = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    for (const { id, title, run } of places.filter((place) => values.place === '' || values.place === place.id)) {
      const measured = await run(effort, scratch);
      const results = measured.map(({ name, against, rounds }) => ({ name, against, ...summarise(rounds) }));
      show(`**${title}**\n\n${caseTable(id, results)}`);
    }
    if (values.only === '' && ['', 'peers'].includes(values.place)) {
      for (const { title, run } of peerPlaces) show(`**${title}**\n\n${peerTable(await run(effort, scratch))}`);
    }
    if (values.only === '' && values.place === '') {
      show(sizeTable(shippedParts(), SIZE_AIM_BYTES));
      show(firstUseTable(await firstUse(scratch, effort.starts)));
    }
    if (values.only === '' && ['', 'limits'].includes(values.place)) {
      show(hotKeyTable(await hotKey(effort.hotSeconds)));
      show(limitObjectTable(await limitObject(scratch, effort.starts)));
    }
    if (values.only === '' && ['', 'tier'].includes(values.place)) {
      const { ratios, times } = await memoryTier();
      show(hitRatioTable(ratios));
      show(tierTimeTable(times));
    }
    if (values.only === '' && ['', 'load'].includes(values.place)) {
      const [requests, kindMs] = effort.load;
      show(loadTable(requests, await load(scratch, requests, kindMs)));
    }
    if (values.only === '' && ['', 'platform'].includes(values.place)) {
      show(platformTable(await platform(scratch, effort.turns)));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`\n${Math.round((Date.now() - began) / 1000)} s`);
  if (values.write) writeInto(join(root, 'README.md'), sections.join('\n\n'));
});

/** When, on what, and how to do it again. */
function heading(quick) {
  const workerd = createRequire(import.meta.url).resolve('workerd/package.json');
  const { version } = JSON.parse(readFileSync(workerd, 'utf8'));
  const command = `npm run bench${quick ? ' -- quick' : ''}`;
  const date = new Date().toISOString().slice(0, 10);
  return (
    `\`${command}\`, ${date}, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version.slice(1)}, workerd ${version}. ` +
    'Medians; the ratio is ours to plain, round by round, both sides taking turns on the same kind of store.'
  );
}
