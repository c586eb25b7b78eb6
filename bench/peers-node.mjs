// Puts the caches to their tasks in this Node process and writes what it measured to stdout. The order comes as JSON in the first
// argument.
import { measurePeers } from './peer-rounds.ts';

const load = (name) => import(`./peers/${name}.ts`);
process.stdout.write(JSON.stringify(await measurePeers(load, JSON.parse(process.argv[2]))));
