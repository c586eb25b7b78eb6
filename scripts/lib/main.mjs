/** How a script starts and how it ends. */
import { realpathSync } from 'node:fs';
import { Failure } from './failure.mjs';

/** Whether the module of `meta` is the program, and not imported by another. */
export function isMain(meta) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === meta.filename;
}

/** Runs a script; its result is the exit code. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    process.exitCode = 1;
    report(error);
  }
}

/** Prints a `Failure` as advice; anything else is a bug and is thrown again. */
export function report(error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`\nFailed: ${error.message}`);
  if (error.next.length > 0) console.error('What to do:');
  for (const step of error.next) console.error(`  - ${step}`);
}
