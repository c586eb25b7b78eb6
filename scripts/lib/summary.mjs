/** The table at the end of `npm test`. */

export function summary(results) {
  const width = Math.max(...results.map((result) => result.name.length), 'suite'.length);
  const row = (name, passed, failed, seconds, note = '') =>
    `${name.padEnd(width)}  ${passed.padStart(6)}  ${failed.padStart(6)}  ${seconds.padStart(7)}  ${note}`.trimEnd();
  const rows = results.map(({ name, passed, failed, seconds, note }) =>
    row(name, String(passed), String(failed), seconds.toFixed(1), note ?? (failed > 0 ? 'FAILED' : '')),
  );
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  return ['', row('suite', 'passed', 'failed', 'seconds'), ...rows, '', `${passed} passed, ${failed} failed`].join('\n');
}
