import { KVClientError } from '@codex/cloudflare-clients';

/** Logs a failure by its name and code alone: messages and causes may carry keys, addresses or values. */
export function logFailure(what: string, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  const code = error instanceof KVClientError ? error.code : undefined;
  console.error(JSON.stringify({ level: 'error', what, name, code }));
}
