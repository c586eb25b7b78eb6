/** Installs Debian packages system-wide: only for root, and only where there is apt. */
import { withProgress } from '../lib/progress.mjs';
import { retrying } from '../lib/retry.mjs';
import { must } from '../lib/run.mjs';
import { which } from '../lib/which.mjs';

export function canAptInstall() {
  return process.getuid?.() === 0 && which('apt-get') !== undefined;
}

export async function aptInstall(packages) {
  let state = '';
  const names = packages.join(' ');
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    next: [
      'check the network, and the mirrors in /etc/apt; behind a proxy set http_proxy and https_proxy',
      `or install by hand: apt-get update && apt-get install ${names}`,
    ],
  };
  const apt = (...args) =>
    must(`apt-get could not install ${names}`, 'apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], options);
  await withProgress(
    `Installing with apt: ${names}`,
    () => state,
    () =>
      retrying('apt-get', async () => {
        state = 'reading package lists';
        await apt('update');
        state = 'downloading and unpacking';
        await apt('install', '-y', '--no-install-recommends', ...packages);
      }),
  );
}
