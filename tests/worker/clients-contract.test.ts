import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { clientsContract } from '../contract/clients-contract.ts';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { recording } from './support/recording-store.ts';

clientsContract('Miniflare’s KV', async () => {
  await reset();
  // A store object of its own, so that the isolate remembers nothing of the test before.
  return recording(env.KV);
});

clientsContract('the memory double', () => new MemoryKV());

clientsContract('an object with get, put and delete', () => new ThreeMethodKV());
