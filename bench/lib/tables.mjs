import { median } from './statistics.mjs';
import {
  FIRST_USE_MS,
  HOT_KEY_OPERATIONS,
  keysReadTarget,
  loadTarget,
  memoryHitTarget,
  targetOf,
  verdict,
} from './targets.mjs';

/** Columns whose numbers stand at the right. */
const NUMBER = /^[\d.~%+-]/;

/** A Markdown table, padded so that it reads as well on a terminal. */
export function table(head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => pad(cell, widths[column])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function pad(cell, width) {
  return NUMBER.test(cell) ? cell.padStart(width) : cell.padEnd(width);
}

/** The cases of one place, summarised. */
export function caseTable(place, results) {
  const rows = results.map((result) => {
    const { name, against, ours, plain, ratio, low, high } = result;
    // In workerd the clock moves with input and output: a batch that did none of either may seem to have taken no time.
    if (ours === 0 || plain === 0) return [name, against, 'no time seen', ns(plain), '', '', ''];
    const target = targetOf(place, result);
    const goal = target === undefined ? '' : `at most ${target.toFixed(1)}: ${verdict(ratio, target)}`;
    return [name, against, ns(ours), ns(plain), times(ratio), `${times(low)}-${times(high)}`, goal];
  });
  return table(['operation', 'beside', 'ours, ns', 'plain, ns', 'ratio', 'p10-p90', 'target'], rows);
}

/** What ships, against its budget in bytes. */
export function sizeTable(parts, budget) {
  const total = parts.reduce((sum, { gzipped }) => sum + gzipped, 0);
  const rows = parts.map(({ label, bytes, gzipped }) => [label, whole(bytes), whole(gzipped), '']);
  rows.push(['all', whole(parts.reduce((sum, { bytes }) => sum + bytes, 0)), whole(total), goalOf(total, budget, ' bytes')]);
  return table(['shipped to a Worker, minified', 'bytes', 'gzipped', 'target'], rows);
}

/** The first use in a new process, in milliseconds. */
export function firstUseTable({ imported, inside, extra, empty }) {
  const row = (what, { median, low, high }, goal = '') => [
    what,
    median.toFixed(1),
    `${low.toFixed(1)}-${high.toFixed(1)}`,
    goal,
  ];
  return table(
    ['first use in a new workerd', 'ms', 'p10-p90', 'target'],
    [
      row('inside: import of the package', imported),
      row('inside: import of the package to the first verdict', inside, goalOf(inside.median, FIRST_USE_MS, ' ms')),
      row('outside: start to answer, above an empty worker', extra),
      row('outside: the empty worker itself', empty),
    ],
  );
}

/** The share of requests that hit, in percent, the tier's beside an LRU's of the same bytes. */
export function hitRatioTable(ratios) {
  const percent = (share) => `${(100 * share).toFixed(1)}`;
  const rows = ratios.map(({ trace, mib, lru, tier }) => [
    trace,
    whole(mib),
    percent(tier),
    percent(lru),
    `${tier >= lru ? '+' : ''}${percent(tier - lru)}`,
  ]);
  return table(['hits of the memory tier, %', 'MiB', 'ours', 'LRU', 'difference'], rows);
}

/** What the tier and the LRU take, both native and without a host, in nanoseconds. */
export function tierTimeTable(operations) {
  const rows = operations.map(({ operation, lru, tier }) => [operation, ns(tier), ns(lru), times(tier / lru)]);
  return table(['memory tier, native', 'ours, ns', 'LRU, ns', 'ratio'], rows);
}

/** What a caller costs who comes a thousand times a second. */
export function hotKeyTable({ checks, seconds, ours, plain }) {
  const goal = `at most ${HOT_KEY_OPERATIONS}: ${verdict(ours, HOT_KEY_OPERATIONS)}`;
  const rows = [[`${whole(checks)} checks of one caller in ${seconds} s`, ours.toFixed(4), plain.toFixed(2), goal]];
  return table(['KV operations a check', 'ours', 'plain', 'target'], rows);
}

/** How many checks Durable Objects decide in a second, 64 at a time. */
export function limitObjectTable(kinds) {
  const rows = kinds.map(({ shards, durable, median, low, high }) => [
    `${shards === 1 ? 'one object' : `${shards} objects`}, ${durable ? 'written before it answers' : 'in memory'}`,
    whole(median),
    `${whole(low)}-${whole(high)}`,
  ]);
  return table(['checks by RateLimitAuthority', 'a second', 'p10-p90'], rows);
}

/**
 * Caches at the same tasks, in nanoseconds, each with the multiple of it that ours takes; below, why a cell is empty.
 */
export function peerTable({ results, absent }) {
  const tasks = ['memory hit', 'KV hit', 'KV miss'];
  const ours = results.find(({ name }) => name === OURS)?.tasks;
  const missing = new Set(absent.map(({ name, reason }) => `${name} does not run here (${reason})`));
  const rows = results.map(({ name, ownCopies, tasks: took }) => {
    const cells = tasks.flatMap((task) => {
      if (typeof took[task] !== 'string') return [ns(median(took[task])), ratioCell(ours?.[task], took[task], name)];
      missing.add(`${name}, ${task.split(' ')[0]}: ${took[task]}`);
      return ['', ''];
    });
    const target = memoryHitTarget(name);
    const ratio = medianRatio(ours?.['memory hit'], took['memory hit']);
    const goal = target === undefined || ratio === undefined ? '' : `at most ${target.toFixed(1)}: ${verdict(ratio, target)}`;
    return [name, typeof took['memory hit'] === 'string' ? '' : ownCopies ? 'a copy' : 'its reference', ...cells, goal];
  });
  const head = ['cache', 'hands out', ...tasks.flatMap((task) => [`${task}, ns`, 'ours to it']), 'target in memory'];
  return [table(head, rows), ...(missing.size === 0 ? [] : [`Left out: ${[...missing].join('; ')}.`])].join('\n\n');
}

const OURS = 'this package';

function ratioCell(ours, theirs, name) {
  const ratio = name === OURS ? undefined : medianRatio(ours, theirs);
  return ratio === undefined ? '' : times(ratio);
}

/** Round by round. */
function medianRatio(ours, theirs) {
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return undefined;
  return median(ours.map((took, round) => took / theirs[round]));
}

/** Zipf-distributed reads over HTTP. */
export function loadTable(wanted, kinds) {
  const rows = kinds.map((kind) => {
    const { what, ageSeconds, rate, nothing, keysPerRequest, computed } = kind;
    const goals = [];
    const keysTarget = keysReadTarget(kind);
    if (keysTarget !== undefined) goals.push(`at most ${keysTarget} keys: ${verdict(keysPerRequest, keysTarget)}`);
    const shareTarget = loadTarget(kind);
    if (shareTarget !== undefined)
      goals.push(`at least ${shareTarget} of it: ${rate / nothing >= shareTarget ? 'met' : 'not met'}`);
    return [
      `${what}, ${ageSeconds === 0 ? 'plain' : `ours, memory of ${ageSeconds} s`}`,
      whole(rate),
      whole(nothing),
      times(rate / nothing),
      keysPerRequest.toFixed(3),
      computed === undefined ? '' : computed.toFixed(3),
      goals.join('; '),
    ];
  });
  const head = [
    `${whole(wanted)} requests, 64 at a time`,
    'a second',
    'for nothing',
    'share',
    'keys read each',
    'computed',
    'target',
  ];
  return [table(head, rows), loadNotes(wanted, kinds)].join('\n\n');
}

function loadNotes(wanted, kinds) {
  const busy = Math.max(...kinds.map((kind) => kind.busy));
  const cut = kinds.filter(({ requests }) => requests < wanted);
  const notes = ['With a memory of 32 MiB, which is enough for all keys; computed: what is read then at that rate.'];
  const [plain] = kinds;
  // What a key read costs here without any code of ours, and what it leaves of the throughput.
  const keyMs = 1000 / plain.rate - 1000 / plain.nothing;
  const aimed = kinds.find((kind) => loadTarget(kind) !== undefined);
  if (aimed !== undefined && plain.keysPerRequest === 1) {
    const nothingMs = 1000 / aimed.nothing;
    const best = nothingMs / (nothingMs + aimed.keysPerRequest * keyMs);
    notes.push(
      `A key read from local KV takes ${keyMs.toFixed(2)} ms of the machine without code of ours: at ${aimed.keysPerRequest.toFixed(3)} ` +
        `keys each, ${best.toFixed(2)} is the share left if ours took none.`,
    );
  }
  notes.push(`Asking for nothing, the side that asks is at work for at most ${(100 * busy).toFixed(0)} % of its time.`);
  if (cut.length > 0) {
    const which = cut.map(({ route, ageSeconds, requests }) => `${route} at ${ageSeconds} s ${whole(requests)}`).join(', ');
    notes.push(`Cut off by the time: ${which}.`);
  }
  return notes.join(' ');
}

/** The workers of this repository under load, beside a route of theirs that does nothing. */
export function platformTable(kinds) {
  const rows = kinds.map(({ name, rate, latencyMs, slowMs, share, fromMemory }) => [
    name,
    whole(rate),
    latencyMs.toFixed(1),
    slowMs.toFixed(1),
    times(share.median),
    `${times(share.low)}-${times(share.high)}`,
    fromMemory === undefined ? '' : `${(100 * fromMemory).toFixed(0)} %`,
  ]);
  const head = [
    'all workers in `wrangler dev`, 64 connections',
    'a second',
    'median, ms',
    'p99, ms',
    'of nothing',
    'p10-p90',
    'from memory',
  ];
  const busy = Math.max(...kinds.map((kind) => kind.busy));
  const note =
    'Every request passes wrangler’s proxy, which is most of what one for nothing takes. ' +
    `The side that asks is at work for at most ${(100 * busy).toFixed(0)} % of its time.`;
  return `${table(head, rows)}\n\n${note}`;
}

function goalOf(actual, target, unit) {
  return `at most ${whole(target)}${unit}: ${verdict(actual, target)}`;
}

function times(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

function ns(value) {
  return whole(Number(value.toPrecision(3)));
}

function whole(value) {
  return Math.round(value).toLocaleString('en-US');
}
