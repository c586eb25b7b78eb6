/** A browser for the browser tests: CHROME_PATH, one on PATH, or Debian's chromium where this may install it. */
import { Failure } from '../lib/failure.mjs';
import { which } from '../lib/which.mjs';
import { aptInstall, canAptInstall } from './apt-install.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];

/** The path of a browser, or undefined. */
export function findChromium() {
  const chosen = process.env.CHROME_PATH;
  if (!chosen) return which(NAMES);
  if (which(chosen, '/')) return chosen;
  throw new Failure(`CHROME_PATH is ${chosen}, which is not a program`, ['point it at a Chromium, or unset it']);
}

export const chromium = {
  ready: () => findChromium() !== undefined || !canAptInstall() || process.env.ALLOW_NO_BROWSER === '1',

  async run() {
    await aptInstall(['chromium']);
  },
};
