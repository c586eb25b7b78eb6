/**
 * One at a time: two clones, or two terminals in one clone, must not unpack or build into the same folder.
 *
 * The kernel holds the lock for a `flock` child that lives as long as this process keeps its stdin open, so no kind of
 * death leaves it behind. Where there is no `flock` (not Linux) nothing is locked.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { which } from './which.mjs';

const REMIND_MS = 10_000;

/** Runs `body` while holding `file`; `waitingFor` says in words who else may hold it. */
export async function withLock(file, waitingFor, body) {
  const flock = which('flock');
  if (!flock) return body();
  mkdirSync(dirname(file), { recursive: true });
  // Detached: a Ctrl-C in the terminal must reach this process, not the lock under it.
  const holder = spawn(flock, [file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const remind = () => console.log(`waiting for ${waitingFor} ...`);
  const first = setTimeout(remind, 500);
  const again = setInterval(remind, REMIND_MS);
  try {
    await new Promise((resolve, reject) => {
      holder.stdout.once('data', resolve);
      holder.once('error', reject);
      holder.once('exit', () => reject(new Error(`the lock ${file} could not be taken`)));
    });
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
  try {
    return await body();
  } finally {
    holder.stdin.end();
  }
}
