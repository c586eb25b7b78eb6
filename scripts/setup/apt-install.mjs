/** Installs Debian packages system-wide: only for root, and only where there is apt. */
import { withProgress } from '../lib/progress.mjs';
import { retrying } from '../lib/retry.mjs';
import { must } from '../lib/run.mjs';
import { which } from '../lib/which.mjs';

export function canAptInstall() {
  return process.getuid?.() === 0 && which('apt-get') !== undefined;
}

export async function aptInstall(packages) {
  const names = packages.join(' ');
  const progress = aptProgress();
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    onText: progress.read,
    next: [
      'check the network, and the mirrors in /etc/apt; behind a proxy set http_proxy and https_proxy',
      `or install by hand: apt-get update && apt-get install ${names}`,
    ],
  };
  const run = (command, ...args) => must(`${names} could not be installed`, command, args, options);
  const apt = (...args) => run('apt-get', '-o', 'DPkg::Lock::Timeout=300', ...args);
  await withProgress(`Installing with apt: ${names}`, progress.toString, () =>
    retrying('apt-get', async () => {
      // Finishes what an interrupted run left half-installed; apt refuses to work until somebody does.
      await run('dpkg', '--configure', '-a');
      await apt('update');
      await apt('install', '-y', '--no-install-recommends', ...packages);
    }),
  );
}

/** How far apt is, from what it prints. */
function aptProgress() {
  let total;
  const counts = { downloaded: 0, unpacked: 0, 'set up': 0 };
  const lines = { downloaded: /^Get:/gm, unpacked: /^Unpacking /gm, 'set up': /^Setting up /gm };
  return {
    read(text) {
      total ??= /, (\d+) newly installed/.exec(text)?.[1];
      if (!total) return;
      for (const [what, line] of Object.entries(lines)) counts[what] += text.match(line)?.length ?? 0;
    },
    toString() {
      if (!total) return 'reading package lists';
      const far = Object.entries(counts).filter(([, count]) => count > 0);
      return `${far.map(([what, count]) => `${count} ${what}`).join(', ')} of ${total} packages`;
    },
  };
}
