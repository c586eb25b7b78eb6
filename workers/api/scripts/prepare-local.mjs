// Migrates and fills the local D1 database that `wrangler dev` uses, and no other: every command below says --local and
// reads the top level of wrangler.toml, whose database exists nowhere else. Running it again changes nothing.
//   npm run prepare-local -w @codex/api-worker -- [--persist-to <folder>]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const api = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(api));
const migrations = join(api, 'migrations');
const seed = join(api, 'local', 'seed.sql');
const config = join(root, 'wrangler.toml');

const { values } = parseArgs({ options: { 'persist-to': { type: 'string' } } });
// npm runs this script in workers/api; INIT_CWD is where the person typed the command.
const state = values['persist-to']
  ? resolve(process.env.INIT_CWD ?? '.', values['persist-to'])
  : join(root, '.wrangler', 'state');
const stamp = join(state, 'codex-prepared');

// The stamp is written last, so an interrupted run is repeated; it lies beside the data, so it goes when the data goes.
const wanted = fingerprint();
if (existsSync(stamp) && existsSync(join(state, 'v3', 'd1')) && readFileSync(stamp, 'utf8') === wanted) {
  console.log('Local database: ready.');
  process.exit(0);
}

console.log('Local database: applying migrations ...');
wrangler('d1', 'migrations', 'apply', 'DB');
console.log('Local database: adding sample data ...');
wrangler('d1', 'execute', 'DB', '--yes', '--file', seed);
mkdirSync(state, { recursive: true });
writeFileSync(stamp, wanted);
console.log('Local database: ready.');

function fingerprint() {
  const hash = createHash('sha256');
  const files = readdirSync(migrations)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => join(migrations, name));
  for (const file of [...files, seed, config]) hash.update(basename(file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function wrangler(...args) {
  const manifest = createRequire(import.meta.url).resolve('wrangler/package.json');
  const bin = join(dirname(manifest), 'bin', 'wrangler.js');
  const run = spawnSync(process.execPath, [bin, ...args, '--local', '--config', config, '--persist-to', state], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.status === 0) return;
  console.error(`wrangler ${args.join(' ')} failed${run.error ? `: ${run.error.message}` : ` (${run.signal ?? run.status})`}`);
  console.error(run.stdout, run.stderr);
  console.error('Nothing is lost: mend the cause and run it again; deleting .wrangler/state starts from an empty database.');
  process.exit(1);
}
