/**
 * Child processes: run one and see it, or run one and keep what it said. When this process is told to stop, so are they,
 * and it leaves only after they have.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import { Failure } from './failure.mjs';

/** How many of a quiet command's first lines, and of its last, go into the message when it fails. */
const EXCERPT_LINES = 12;

/** How long children may take to stop before they are killed. */
const GRACE_MS = 10_000;

/** npm passes on a Ctrl-C that the terminal has sent us as well: signals this close together are one. */
const SAME_SIGNAL_MS = 1_000;

const running = new Set();
let stoppingSince;
let stopCode = (signal) => 128 + constants.signals[signal];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, async () => {
    const again = stoppingSince !== undefined;
    if (again && Date.now() - stoppingSince < SAME_SIGNAL_MS) return;
    await stopAll(again ? 'SIGKILL' : signal);
    process.exit(stopCode(signal));
  });
}

/** Stops every child, and waits until they are gone. */
export async function stopAll(signal = 'SIGTERM') {
  stoppingSince ??= Date.now();
  const children = [...running];
  for (const { kill } of children) kill(signal);
  const killer = setTimeout(() => {
    for (const { kill } of children) kill('SIGKILL');
  }, GRACE_MS);
  await Promise.all(children.map(({ closed }) => closed));
  clearTimeout(killer);
}

/** For a server, being told to stop is the ordinary end and no failure. */
export function stopIsSuccess() {
  stopCode = () => 0;
}

/** Runs a command with its output shown; resolves to its exit code, or to the reason why there is none. */
export function show(command, args, options = {}) {
  return exitOf(start(command, args, { stdio: 'inherit', ...options }));
}

/**
 * Runs a command silently; resolves to `{ code, stdout, output }`, where `output` holds both streams.
 * `onText` sees its stdout as it comes.
 */
export async function quiet(command, args, { onText, ...options } = {}) {
  const entry = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let stdout = '';
  let output = '';
  entry.child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    output += text;
    onText?.(text);
  });
  entry.child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return { code: await exitOf(entry), stdout, output };
}

/** Runs a command and hands `write` what it prints; resolves to `{ code, output }`, the output without colours. */
export async function watch(command, args, { write, ...options }) {
  const env = { ...(options.env ?? process.env), [process.stdout.isTTY ? 'FORCE_COLOR' : 'NO_COLOR']: '1' };
  const entry = start(command, args, { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  entry.child.stdout.setEncoding('utf8').on('data', (text) => {
    write(text);
    output += text;
  });
  entry.child.stderr.setEncoding('utf8').on('data', write);
  return { code: await exitOf(entry), output: stripVTControlCharacters(output) };
}

/**
 * Runs a command silently and returns its stdout; a failure carries what it printed.
 * `next` is what a person can do about it, or a function that tells it from the output. Output that matches `permanent`
 * makes a second attempt pointless. `whole` output is kept whole, as compilers' must be.
 */
export async function must(what, command, args, { next, permanent, whole = false, ...options } = {}) {
  const { code, stdout, output } = await quiet(command, args, options);
  if (code === 0) return stdout;
  throw new Failure(
    `${what} (${command}: ${code})\n${whole ? output.trim() : excerpt(output)}`,
    typeof next === 'function' ? next(output) : next,
    { permanent: permanent?.test(output) },
  );
}

function excerpt(output) {
  const lines = output.trim().split('\n');
  if (lines.length <= 2 * EXCERPT_LINES) return lines.join('\n');
  return [...lines.slice(0, EXCERPT_LINES), '[...]', ...lines.slice(-EXCERPT_LINES)].join('\n');
}

function start(command, args, options) {
  const child = spawn(command, args, options);
  const entry = { child, kill: (signal) => stop(child, options.detached, signal) };
  entry.closed = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.code === 'ENOENT' ? 'not found' : error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  }).finally(() => running.delete(entry));
  running.add(entry);
  return entry;
}

/** A detached child leads a group of its own: it is asked to stop its children, and if it does not, all are killed. */
function stop(child, detached, signal) {
  try {
    if (detached && signal === 'SIGKILL') process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It ended by itself in this moment.
  }
}

/** A child that was stopped with us has no outcome to report: nobody should retry it or call it a failure. */
async function exitOf(entry) {
  const code = await entry.closed;
  return stoppingSince === undefined ? code : new Promise(() => {});
}
