/** Runs one suite of suites.mjs and counts what it tested. */
import { NO_FUZZER } from '../setup/fuzzer.mjs';
import { suites } from '../suites.mjs';
import { buildPreset } from './cmake.mjs';
import { Failure } from './failure.mjs';
import { root } from './paths.mjs';
import { watch } from './run.mjs';

/** The suites of these names, or all; in the table's order. */
export function chosenSuites(names) {
  const known = suites.map((suite) => suite.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Failure(`no such suite: ${unknown.join(', ')}`, [`there are: ${known.join(', ')}`]);
  return names.length === 0 ? suites : suites.filter((suite) => names.includes(suite.name));
}

/** As `runSuite`, but what the suite prints is shown when it has ended, so that it stands together. */
export async function runSuiteBeside(suite, toolchain, env) {
  let printed = '';
  const show = () => process.stdout.write(printed);
  // Of a suite that hangs and is stopped from outside, this is all there is to see.
  process.once('exit', show);
  const result = await runSuite(suite, toolchain, env, (text) => {
    printed += text;
  });
  process.off('exit', show);
  show();
  return result;
}

/**
 * Resolves to `{ name, passed, failed, seconds }`; a command that counts nothing counts as one test. `write` is handed what
 * there is to read.
 */
export async function runSuite(suite, toolchain, env, write = (text) => process.stdout.write(text)) {
  const begun = Date.now();
  const say = (line) => write(`${line}\n`);
  say(`\n=== ${suite.name}`);
  const total = { passed: 0, failed: 0 };
  try {
    if (suite.preset) await buildPreset(suite.preset, toolchain);
    for (const [command, ...args] of suite.commands) {
      const { code, output } = await watch(command, args, { cwd: root, env, write });
      const { passed, failed } = counts(output);
      total.passed += code === 0 && passed === 0 ? 1 : passed;
      total.failed += code !== 0 && failed === 0 ? 1 : failed;
      if (code !== 0) say(`${command} ended with: ${code}`);
    }
  } catch (error) {
    // Also where it is a mistake of ours: the other suites are to go on, and the last line is to be there.
    say(error instanceof Failure ? error.message : error.stack);
    total.failed += 1;
  }
  const seconds = (Date.now() - begun) / 1_000;
  say(`--- ${suite.name}: ${total.failed > 0 ? 'FAILED' : 'ok'} in ${seconds.toFixed(1)} s`);
  return { name: suite.name, ...total, seconds };
}

/** Stands in for a suite that needs a browser where there is none. */
export async function noBrowser(suite) {
  const allowed = process.env.ALLOW_NO_BROWSER === '1';
  const line = '!'.repeat(100);
  console.log(`\n=== ${suite.name}\n${line}`);
  console.log('!!! NOTHING WAS TESTED IN A BROWSER: there is no Chromium on this machine.');
  console.log('!!! Install it (Debian: apt-get install chromium, as root) or set CHROME_PATH to one.');
  console.log(`!!! ${allowed ? 'ALLOW_NO_BROWSER=1 lets this pass.' : 'ALLOW_NO_BROWSER=1 leaves this suite out.'}\n${line}`);
  return { name: suite.name, passed: 0, failed: allowed ? 0 : 1, seconds: 0, note: 'NOT RUN: no browser' };
}

/** Stands in for the fuzzers where nothing can build them. */
export async function noFuzzer(suite) {
  const line = '!'.repeat(100);
  console.log(`\n=== ${suite.name}\n${line}`);
  console.log('!!! NOTHING WAS FUZZED: there is no clang++ with libFuzzer on this machine.');
  console.log(`!!! ${NO_FUZZER[0].toUpperCase()}${NO_FUZZER.slice(1)}.\n${line}`);
  return { name: suite.name, passed: 0, failed: 1, seconds: 0, note: 'NOT RUN: no libFuzzer' };
}

/**
 * Reads the totals of vitest (`Tests  1 failed | 2 passed (3)`), of ctest (`1 tests failed out of 3`) and of our own scripts
 * (`2 passed, 1 failed`).
 */
function counts(output) {
  const number = (pattern, text) => Number(pattern.exec(text)?.[1] ?? 0);
  const vitest = /^\s*Tests\s.*\(\d+\)/m.exec(output)?.[0];
  if (vitest) return { passed: number(/(\d+) passed/, vitest), failed: number(/(\d+) failed/, vitest) };
  const ctest = /(\d+) tests failed out of (\d+)/.exec(output);
  if (ctest) return { passed: Number(ctest[2]) - Number(ctest[1]), failed: Number(ctest[1]) };
  const own = /^(\d+) passed, (\d+) failed$/m.exec(output);
  return own ? { passed: Number(own[1]), failed: Number(own[2]) } : { passed: 0, failed: 0 };
}
