import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Finds Chromium: CHROME_PATH, else `chromium` on PATH. Without one this throws, unless ALLOW_NO_BROWSER=1: then it says
 * loudly that nothing was tested, and returns null.
 */
export function findChromium(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = process.env.CHROME_PATH ? [process.env.CHROME_PATH] : folders.map((folder) => join(folder, 'chromium'));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const missing = process.env.CHROME_PATH
    ? `CHROME_PATH is ${process.env.CHROME_PATH}, which cannot be run`
    : 'there is no chromium on PATH';
  if (process.env.ALLOW_NO_BROWSER !== '1') {
    throw new Error(
      `The browser tests need Chromium, and ${missing}. Install it (Debian: apt-get install chromium), name one in CHROME_PATH, or leave these tests out with ALLOW_NO_BROWSER=1.`,
    );
  }
  const line = '!'.repeat(100);
  console.warn(`\n${line}\n!!! THE PAGE WAS NOT TESTED IN A BROWSER: ${missing}, and ALLOW_NO_BROWSER=1.\n${line}\n`);
  return null;
}

/** Starts Chromium without a window. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGS });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
