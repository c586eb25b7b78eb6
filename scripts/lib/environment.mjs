/** The environment that every tool of this repository runs in. */
import { delimiter } from 'node:path';
import { binDir } from './paths.mjs';

/**
 * Puts the repository's own node, wrangler and vitest first on PATH, keeps them from calling home, and hides another
 * Emscripten's settings when ours is a fetched one.
 */
export function toolEnvironment(toolchain) {
  const env = {
    ...process.env,
    PATH: `${binDir}${delimiter}${process.env.PATH}`,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true', // The banner is what looks for updates.
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  };
  if (toolchain?.chromium) env.CHROME_PATH = toolchain.chromium;
  if (toolchain?.emscripten?.fetched) {
    for (const name of Object.keys(env)) if (/^(EM_|EMSDK|EMSCRIPTEN)/.test(name)) delete env[name];
  }
  return env;
}

/** PATH as it was before npm put this repository's node_modules/.bin into it. */
export function outerPath() {
  return process.env.PATH.split(delimiter)
    .filter((folder) => folder !== binDir)
    .join(delimiter);
}
