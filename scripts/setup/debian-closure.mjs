/**
 * Unpacks Debian packages and everything they depend on into a folder, without root and without touching the system.
 *
 * apt gets state folders of its own and an empty list of installed packages, so it resolves the whole closure; it
 * checks the mirror's signature against Debian's keyring. Nothing is installed and no package script runs.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../lib/failure.mjs';
import { withProgress } from '../lib/progress.mjs';
import { retrying } from '../lib/retry.mjs';
import { must } from '../lib/run.mjs';
import { which } from '../lib/which.mjs';
import { DEBIAN_KEYRINGS, debianMirror } from './debian-mirror.mjs';

const MB = 1_000_000;

/**
 * Downloads `packages` with their dependencies into `folder/apt` and unpacks all of them into `folder/root`.
 * `companions` names further ones by the files that those are, for what Debian names by a version that moves.
 */
export async function unpackClosure(packages, companions, folder) {
  const apt = aptIn(folder);
  await withProgress(
    "Reading Debian testing's package list",
    () => '',
    () => retrying('package list', () => apt('reading the package list of Debian testing failed', ['update'])),
  );
  // apt leaves out what it has already; an empty folder in the archives' place makes it list everything.
  const nowhere = `Dir::Cache::archives=${join(folder, 'apt/nowhere')}`;
  const list = async (names) => {
    const listing = await apt('resolving the packages failed', ['-o', nowhere, 'install', '--print-uris', ...names]);
    const files = parseUris(listing);
    if (files.length === 0) throw new Failure(`apt-get named nothing to download:\n${listing}`);
    return files;
  };
  const all = [...packages, ...companions((await list(packages)).map((file) => file.name))];
  const wanted = await list(all);
  const totalMb = Math.round(sum(wanted.map((file) => file.bytes)) / MB);
  const archives = join(folder, 'apt/cache/archives');

  await withProgress(
    `Downloading ${wanted.length} packages (${totalMb} MB)`,
    () => `${Math.round(bytesIn(archives, join(archives, 'partial')) / MB)} of ${totalMb} MB`,
    () =>
      retrying('download', async () => {
        await apt('downloading packages failed', ['install', '--download-only', ...all]);
        checkArchives(archives, wanted);
      }),
  );

  const target = join(folder, 'root');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  let unpacked = 0;
  await withProgress(
    `Unpacking ${wanted.length} packages`,
    () => `${unpacked} of ${wanted.length}`,
    () =>
      inParallel(wanted, async (file) => {
        await must(`unpacking ${file.name} failed`, 'dpkg-deb', ['-x', join(archives, file.name), target]);
        unpacked += 1;
      }),
  );
  for (const unused of ['doc', 'man', 'info', 'locale', 'lintian']) {
    rmSync(join(target, 'usr/share', unused), { recursive: true, force: true });
  }
  rmSync(join(folder, 'apt'), { recursive: true, force: true });
  return target;
}

/** Whether this machine can fetch Debian packages and verify them. */
export function canFetchPackages() {
  const tools = ['apt-get', 'dpkg-deb'].every((program) => which(program) !== undefined);
  return tools && debianMirror() !== undefined && DEBIAN_KEYRINGS.some((file) => existsSync(file));
}

/** An `apt-get` bound to private state in `folder`; what it downloaded before an interruption is kept and checked. */
function aptIn(folder) {
  const mirror = debianMirror();
  if (!mirror) {
    throw new Failure('apt on this machine names no Debian mirror', [
      'set DEBIAN_MIRROR to one (an address that ends in /debian) and run this again',
      'or install Emscripten yourself (emsdk) and put emcc on PATH',
    ]);
  }
  const keyring = DEBIAN_KEYRINGS.find((file) => existsSync(file));
  if (!keyring) {
    throw new Failure(`${DEBIAN_KEYRINGS[0]} is missing, so packages cannot be verified`, [
      'apt-get install debian-archive-keyring',
    ]);
  }
  const home = join(folder, 'apt');
  mkdirSync(join(home, 'lists/partial'), { recursive: true });
  mkdirSync(join(home, 'cache/archives/partial'), { recursive: true });
  mkdirSync(join(home, 'nowhere/partial'), { recursive: true });
  writeFileSync(join(home, 'status'), '');
  writeFileSync(join(home, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} testing main\n`);
  const config = join(home, 'apt.conf');
  writeFileSync(
    config,
    `Dir::State "${home}";
Dir::State::lists "${home}/lists";
Dir::State::status "${home}/status";
Dir::Cache "${home}/cache";
Dir::Etc::sourcelist "${home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::AllowInsecureRepositories "false";
Acquire::ForceHash "SHA256";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Sandbox::User "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`,
  );
  const next = [
    `check that ${mirror} can be reached; behind a proxy set http_proxy and https_proxy`,
    'run the same command again: what was downloaded is kept',
    'or install Emscripten yourself (emsdk) and put emcc on PATH',
  ];
  const env = { ...process.env, LC_ALL: 'C' };
  return (what, args) => must(what, 'apt-get', ['-c', config, '-o', 'APT::Update::Error-Mode=any', ...args], { env, next });
}

/** Lines of `--print-uris`: 'address' name bytes SHA256:hash */
function parseUris(text) {
  return [...text.matchAll(/^'[^']+' (\S+) (\d+) SHA256:(\w+)$/gm)].map(([, name, bytes, sha256]) => ({
    name,
    bytes: Number(bytes),
    sha256,
  }));
}

/** apt trusts an archive that is already there by its size; a damaged one is removed here so that a retry fetches it. */
function checkArchives(archives, wanted) {
  const damaged = wanted.filter(({ name, sha256 }) => {
    const file = join(archives, name);
    return !existsSync(file) || createHash('sha256').update(readFileSync(file)).digest('hex') !== sha256;
  });
  for (const { name } of damaged) rmSync(join(archives, name), { force: true });
  if (damaged.length > 0) throw new Failure(`damaged downloads: ${damaged.map((file) => file.name).join(', ')}`);
}

function bytesIn(...folders) {
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return sum(files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0));
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

async function inParallel(items, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
}
