export { AuthCounters } from '@codex/cloudflare-clients/durable-objects';

/** The tests are the worker; this one holds the objects. */
export default { fetch: (): Response => new Response(null, { status: 404 }) };
