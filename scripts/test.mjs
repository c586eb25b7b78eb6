/**
 * `npm test [-- names]`: sets up, builds, runs every suite of suites.mjs, two at a time, whether or not another failed, and
 * ends with a table and the line `N passed, N failed`. Fails without a browser, unless ALLOW_NO_BROWSER=1, and without a compiler
 * for fuzzers.
 */
import { build } from './build.mjs';
import { toolEnvironment } from './lib/environment.mjs';
import { Failure } from './lib/failure.mjs';
import { main, report } from './lib/main.mjs';
import { sideBySide } from './lib/side-by-side.mjs';
import { chosenSuites, noBrowser, noFuzzer, runSuite, runSuiteBeside } from './lib/suite.mjs';
import { summary } from './lib/summary.mjs';
import { setup } from './setup.mjs';

await main(async () => {
  const suites = chosenSuites(process.argv.slice(2));
  const results = [];

  /** A failure here is one failed test: the last line is read by machines and is there whatever happens. */
  const attempt = async (name, body) => {
    try {
      return await body();
    } catch (error) {
      if (error instanceof Failure) report(error);
      else console.error(error);
      results.push({ name, passed: 0, failed: 1, seconds: 0 });
      return undefined;
    }
  };

  const browser = suites.some((suite) => suite.browser);
  const fuzzer = suites.some((suite) => suite.fuzzer);
  const toolchain = await attempt('set-up', () => setup({ browser, fuzzer }));
  if (toolchain) {
    await attempt('build', () => build(toolchain));
    const env = toolEnvironment(toolchain);
    const present = suites.length > 1 ? runSuiteBeside : runSuite;
    await sideBySide(suites, async (suite) => {
      const run = suite.browser && !toolchain.chromium ? noBrowser : suite.fuzzer && !toolchain.fuzzer ? noFuzzer : present;
      results.push(await run(suite, toolchain, env));
    });
  }
  const place = ({ name }) => suites.findIndex((suite) => suite.name === name);
  results.sort((one, other) => place(one) - place(other));
  console.log(summary(results));
  return results.some((result) => result.failed > 0) ? 1 : 0;
});
