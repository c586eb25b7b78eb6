import { existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../../scripts/lib/files.mjs';
import { Failure } from '../../scripts/lib/failure.mjs';

const START = '<!-- bench:start -->';
const END = '<!-- bench:end -->';

/** Puts a report between the markers of a README. */
export function writeInto(file, report) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) {
    throw new Failure(`the README has no ${START} and ${END} after it`, ['put the two lines where the tables should stand']);
  }
  writeAtomically(file, `${text.slice(0, start + START.length)}\n${report}\n${text.slice(end)}`);
}
