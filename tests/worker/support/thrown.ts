import { KVClientError } from '@codex/cloudflare-clients';
import { expect } from 'vitest';

/** The code of the KVClientError that a call throws or rejects with. Anything else it throws is thrown on. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof KVClientError) return error.code;
    throw error;
  }
  return expect.fail('the call threw nothing');
}
