// Runs the cases in this Node process and writes what it measured to stdout. The order comes as JSON in the first argument.
import { MemoryKV } from './memory-kv.ts';
import { runCases } from './run-cases.ts';

process.stdout.write(JSON.stringify(await runCases(() => new MemoryKV(), JSON.parse(process.argv[2]))));
