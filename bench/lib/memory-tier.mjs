import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildDir } from '../../scripts/lib/paths.mjs';

/**
 * Runs bench/native, which `npm run bench` has built: the memory tier beside a plain LRU of the same bytes. The ratios are
 * the same on every run and machine; the times are nanoseconds an operation, both sides taking turns.
 */
export async function memoryTier() {
  const { stdout } = await promisify(execFile)(join(buildDir, 'native', 'memory-tier-bench'));
  return JSON.parse(stdout);
}
