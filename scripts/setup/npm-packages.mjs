/** The npm packages of the lock file, for the root and every workspace. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outerPath } from '../lib/environment.mjs';
import { fingerprint, readJson } from '../lib/files.mjs';
import { root } from '../lib/paths.mjs';
import { withProgress } from '../lib/progress.mjs';
import { retrying } from '../lib/retry.mjs';
import { must } from '../lib/run.mjs';

const lockFile = join(root, 'package-lock.json');

/** Inside node_modules, which `npm ci` removes first: an interrupted run leaves no stamp behind. */
const stampFile = join(root, 'node_modules', '.setup-stamp.json');

export const npmPackages = {
  ready: () => readJson(stampFile)?.lock === fingerprint(lockFile),

  async run() {
    const lock = fingerprint(lockFile);
    const wanted = packagesForHere();
    await withProgress(
      'Installing npm packages',
      () => `${wanted.filter((path) => existsSync(join(root, path, 'package.json'))).length} of ${wanted.length}`,
      () => retrying('npm ci', npmCi),
    );
    writeFileSync(stampFile, JSON.stringify({ lock }));
  },
};

/** Folders that npm ci will make: the lock file also lists the binaries of every other platform. */
function packagesForHere() {
  const here = ({ os, cpu, libc }) =>
    (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true) && (libc?.includes('glibc') ?? true);
  return Object.entries(readJson(lockFile).packages)
    .filter(([path, entry]) => path.startsWith('node_modules/') && here(entry))
    .map(([path]) => path);
}

/** package.json and package-lock.json differ. */
const OUT_OF_STEP = /EUSAGE/;

/** npm has tried these again itself. */
const UNREACHABLE = /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT/;

function npmCi() {
  const network = ['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=10000'];
  return must('npm ci failed', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...network], {
    cwd: root,
    // npm ci deletes node_modules, and with it the node that `npm start` may be running under.
    env: { ...process.env, PATH: outerPath() },
    permanent: new RegExp(`${OUT_OF_STEP.source}|${UNREACHABLE.source}`),
    next: (output) =>
      OUT_OF_STEP.test(output)
        ? ['package.json and package-lock.json differ: run npm install, and commit the lock file']
        : [
            'check that the npm registry can be reached; behind a proxy set https_proxy',
            'then run the same command again: what npm downloaded is in its cache',
          ],
  });
}
