/**
 * `node bench/profile.mjs <case> [plain | ours]`: profiles one operation alone in Node and prints the functions that take most of
 * its time. The package must have been built. Functions of the wasm show by number: names are stripped from what ships.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cases } from './cases.ts';

const RUN_MS = 6_000;
const TOP = 30;

const [wanted = '', side = 'ours'] = process.argv.slice(2);
const chosen = cases.find(({ name }) => name.includes(wanted));
if (wanted === '' || chosen === undefined || (side !== 'ours' && side !== 'plain')) {
  console.error(`usage: node bench/profile.mjs <case> [ours | plain]\ncases: ${cases.map(({ name }) => name).join('; ')}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'profile-'));
try {
  const order = JSON.stringify({ name: chosen.name, against: chosen.against, side, ms: RUN_MS });
  const script = join(import.meta.dirname, 'profile-case.mjs');
  execFileSync(process.execPath, ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${folder}`, script, order], {
    stdio: 'inherit',
  });
  const [file] = readdirSync(folder);
  print(selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8'))));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Microseconds spent in each function itself, by its name and place. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'}  ${url.replace(/^.*\//, '')}${lineNumber >= 0 ? `:${lineNumber + 1}` : ''}`,
    ]),
  );
  const times = new Map();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id);
    times.set(name, (times.get(name) ?? 0) + timeDeltas[index]);
  }
  return times;
}

function print(times) {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  console.log(`${chosen.name}, ${side}, by self time`);
  for (const [name, time] of [...times].sort(([, one], [, other]) => other - one).slice(0, TOP)) {
    console.log(`${((100 * time) / total).toFixed(1).padStart(6)} %  ${name}`);
  }
}
