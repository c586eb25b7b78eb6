/**
 * `npm run fuzz [-- fuzzer [seconds]]`: sets up, builds the fuzzers of tests/fuzz and runs them.
 *
 * Without arguments, which is what `npm test` does, each looks at its corpus again and then makes up inputs for some seconds,
 * the same ones every time. With the name of one it makes up new ones for as long as told, and keeps in build/fuzz/found
 * those that reached something new. Ends with the line `N passed, N failed`.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildPreset } from './lib/cmake.mjs';
import { toolEnvironment } from './lib/environment.mjs';
import { Failure } from './lib/failure.mjs';
import { main } from './lib/main.mjs';
import { buildDir, root } from './lib/paths.mjs';
import { quiet, show } from './lib/run.mjs';
import { NO_FUZZER } from './setup/fuzzer.mjs';
import { setup } from './setup.mjs';

const SHORT_SECONDS = 10;
const LONG_SECONDS = 300;
const SHORT_SEED = 1;

/** The longest length at which anything in the core changes is a key's 512 bytes. */
const LIMITS = ['-max_len=1024', '-timeout=5', '-rss_limit_mb=1024'];

const corpora = join(root, 'tests/fuzz/corpus');
const work = join(buildDir, 'fuzz');
const fromRoot = (path) => relative(root, path);

await main(async () => {
  const [name, seconds = LONG_SECONDS] = process.argv.slice(2);
  const names = readdirSync(corpora);
  if (name && !names.includes(name)) throw new Failure(`no such fuzzer: ${name}`, [`there are: ${names.join(', ')}`]);
  if (!(Number(seconds) > 0)) throw new Failure(`${seconds} is no number of seconds`);

  const toolchain = await setup({ fuzzer: true });
  if (!toolchain.fuzzer) throw new Failure('there is no clang++ with libFuzzer on this machine', [NO_FUZZER]);
  await buildPreset('fuzz', toolchain);

  const run = runner(toolchain);
  const results = [];
  if (name) {
    results.push(await search(run, name, Number(seconds)));
  } else {
    for (const each of names) results.push(await repeat(run, each), await shortSearch(run, each));
  }
  const passed = results.filter(Boolean).length;
  console.log(`\n${passed} passed, ${results.length - passed} failed`);
  return passed === results.length ? 0 : 1;
});

/** The corpus, each input once: what was found and fixed before stays fixed. */
function repeat(run, name) {
  const corpus = join(corpora, name);
  const inputs = readdirSync(corpus).length;
  if (inputs === 0) throw new Failure(`${fromRoot(corpus)} is empty: the fuzzer needs something to start from`);
  return run(name, `${inputs} inputs of its corpus`, ['-runs=0', corpus]);
}

function shortSearch(run, name) {
  const scratch = join(work, 'scratch', name);
  rmSync(scratch, { recursive: true, force: true });
  const options = [`-seed=${SHORT_SEED}`, `-max_total_time=${SHORT_SECONDS}`, '-print_final_stats=1'];
  return run(name, `new inputs for ${SHORT_SECONDS} s, seed ${SHORT_SEED}`, [...options, folder(scratch), join(corpora, name)]);
}

function search(run, name, seconds) {
  const found = folder(join(work, 'found', name));
  const options = [`-max_total_time=${seconds}`, found, join(corpora, name)];
  return run(name, `new inputs for ${seconds} s, kept in ${fromRoot(found)}`, options, { watched: true });
}

/**
 * `run(name, title, arguments)` resolves to whether the fuzzer found nothing wrong, and says what to do where it did. What
 * it prints is shown as it comes where it is `watched`, else where it failed.
 */
function runner({ fuzzer, ...toolchain }) {
  const crashes = folder(join(work, 'crashes'));
  const env = {
    ...toolEnvironment(toolchain),
    ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  const symbolizer = join(dirname(fuzzer.cxx), 'llvm-symbolizer');
  if (existsSync(symbolizer)) env.ASAN_SYMBOLIZER_PATH = symbolizer;
  return async (name, title, args, { watched = false } = {}) => {
    console.log(`${name}: ${title}`);
    const program = join(work, `${name}-fuzzer`);
    const before = readdirSync(crashes);
    const all = [...LIMITS, `-artifact_prefix=${crashes}/${name}-`, ...args];
    const { code, output } = await start(watched, program, all, { cwd: root, env });
    if (code === 0) {
      const made = /number_of_executed_units:\s*(\d+)/.exec(output)?.[1];
      if (made) console.log(`  ${Number(made).toLocaleString('en')} made, nothing found`);
      return true;
    }
    console.log(output);
    console.log(`FAILED: ${name} (${code})`);
    for (const input of readdirSync(crashes).filter((file) => !before.includes(file))) {
      console.log(`  to see it again: ${fromRoot(program)} ${fromRoot(join(crashes, input))}`);
      console.log(
        `  once it is fixed: move that input to ${fromRoot(join(corpora, name))}, under a name that says what it shows`,
      );
    }
    return false;
  };
}

async function start(watched, ...command) {
  return watched ? { code: await show(...command), output: '' } : quiet(...command);
}

function folder(path) {
  mkdirSync(path, { recursive: true });
  return path;
}
