/** Where things live: in this repository, and in the cache that all of a user's clones share. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
export const buildDir = join(root, 'build');
export const binDir = join(root, 'node_modules', '.bin');
export const toolchainFile = join(buildDir, 'toolchain.json');

/** Per user, not per clone: 800 MB of compiler is fetched once. */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'codex-cloudflare-clients');
