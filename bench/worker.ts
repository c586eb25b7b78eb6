// Runs the cases inside workerd, in one request: within it the clock moves locally.
import { MemoryKV } from './memory-kv.ts';
import { type Order, runCases } from './run-cases.ts';

interface Env {
  OURS: KVNamespace;
  PLAIN: KVNamespace;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { store, order } = (await request.json()) as { store: 'memory' | 'kv'; order: Order };
    const namespaces = { ours: env.OURS, plain: env.PLAIN };
    return Response.json(await runCases((side) => (store === 'kv' ? namespaces[side] : new MemoryKV()), order));
  },
};
