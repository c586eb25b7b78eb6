import { MemoryKV } from './memory-kv.ts';
import type { Layer, Peer } from './peers/peer.ts';
import { type Effort, inTurns, Runner } from './rounds.ts';
import { type SampleList, sampleList } from './samples.ts';
import type { Side } from './side.ts';

/** What each of the caches is put to. */
const TASKS = ['memory hit', 'KV hit', 'KV miss'] as const;
type Task = (typeof TASKS)[number];

/** What was measured of a cache. */
interface PeerResult {
  name: string;
  /** Whether a hit in memory is an object of the caller's own. */
  ownCopies: boolean;
  /** Nanoseconds an operation took, in the same rounds as everybody's; or why there are none. */
  tasks: Record<Task, number[] | string>;
}

const KEYS = 32;
/** Rounds that do not count: the others have cooled it down. */
const COOL_ROUNDS = 3;
const lists = Array.from({ length: KEYS }, (_, number) => sampleList(number));

/** Which modules of `peers`, and how long. */
export interface PeerOrder {
  modules: string[];
  effort: Effort;
}

/** One batch of one operation each: enough to see whether a cache works here at all. */
const TRIAL: Effort = { rounds: 1, batchMs: 1, warmUpMs: 1 };

/** Measures the caches that can be loaded and work here; of the others tells why not. */
export async function measurePeers(
  load: (name: string) => Promise<{ peers: Peer[] }>,
  { modules, effort }: PeerOrder,
): Promise<{ results: PeerResult[]; absent: { name: string; reason: string }[] }> {
  const peers: Peer[] = [];
  const absent: { name: string; reason: string }[] = [];
  for (const name of modules) {
    try {
      const loaded = await load(name);
      await runPeers(loaded.peers, TRIAL);
      peers.push(...loaded.peers);
    } catch (error) {
      absent.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { results: await runPeers(peers, effort), absent };
}

/** Puts all caches to all tasks, all of them in turns. */
async function runPeers(peers: readonly Peer[], effort: Effort): Promise<PeerResult[]> {
  const results = peers.map(({ name }): PeerResult => {
    return { name, ownCopies: false, tasks: { 'memory hit': '', 'KV hit': '', 'KV miss': '' } };
  });
  // All are warmed up before the first is measured, as a program has them.
  const runners: Record<Task, [Runner, PeerResult][]> = { 'memory hit': [], 'KV hit': [], 'KV miss': [] };
  for (const [at, { inMemory, onKV }] of peers.entries()) {
    const result = results[at] as PeerResult;
    const add = async (task: Task, make: string | (() => Promise<Side>)): Promise<void> => {
      if (typeof make === 'string') {
        result.tasks[task] = make;
        return;
      }
      const runner = new Runner(await make());
      await runner.warmUp(effort);
      runners[task].push([runner, result]);
    };
    await add(
      'memory hit',
      typeof inMemory === 'string'
        ? inMemory
        : async () => {
            const layer = inMemory();
            const side = await hitsOf(layer);
            const [one, another] = [await layer.get(keyOf(0)), await layer.get(keyOf(0))];
            result.ownCopies = one !== another;
            return side;
          },
    );
    await add('KV hit', typeof onKV === 'string' ? onKV : () => hitsOf(onKV(new MemoryKV())));
    await add(
      'KV miss',
      typeof onKV === 'string'
        ? onKV
        : async () => {
            const kv = new MemoryKV();
            return missesOf(onKV(kv), kv);
          },
    );
  }
  for (const task of TASKS) {
    const all = runners[task].map(([runner]) => runner);
    await inTurns(all, COOL_ROUNDS);
    const took = await inTurns(all, effort.rounds);
    for (const [at, [, result]] of runners[task].entries()) result.tasks[task] = took[at] as number[];
  }
  return results;
}

async function hitsOf(layer: Layer): Promise<Side> {
  for (const [number, list] of lists.entries()) await layer.set(keyOf(number), list);
  for (const number of lists.keys()) await layer.get(keyOf(number));
  const before = layer.kvReads?.();
  return {
    operate: async (number) => {
      const turn = number % KEYS;
      check(await layer.get(keyOf(turn)), turn);
    },
    afterBatch: async () => {
      if (layer.kvReads?.() !== before) throw new Error('a hit in memory has read KV');
    },
  };
}

async function missesOf(layer: Layer, kv: MemoryKV): Promise<Side> {
  let loads = 0;
  let begun = 0;
  return {
    operate: async (number) => {
      const turn = number % KEYS;
      begun++;
      const load = async (): Promise<SampleList> => {
        loads++;
        return lists[turn] as SampleList;
      };
      check(await layer.load(`cache:content:missing:${number}`, load), turn);
    },
    afterBatch: async (last) => {
      if (loads !== begun) throw new Error('a miss did not load');
      check(await layer.get(`cache:content:missing:${last}`), last % KEYS);
      kv.clear();
    },
  };
}

function keyOf(number: number): string {
  return `cache:content:published:${number}`;
}

function check(found: SampleList | null | undefined, turn: number): void {
  if (found?.items[0]?.id !== lists[turn]?.items[0]?.id) throw new Error('a cache gave another value');
}
