import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { type ContractKV, kvContract } from '../contract/kv-contract.ts';
import { MemoryKV } from '../contract/memory-kv.ts';

kvContract('Miniflare', async () => {
  await reset();
  return env.KV as unknown as ContractKV;
});

kvContract('the memory double', () => new MemoryKV());
