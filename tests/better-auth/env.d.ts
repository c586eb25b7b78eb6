declare namespace Cloudflare {
  interface Env {
    KV: KVNamespace;
    DB: D1Database;
    AUTH_COUNTERS: DurableObjectNamespace<import('@codex/cloudflare-clients/durable-objects').AuthCounters>;
  }
  interface GlobalProps {
    mainModule: typeof import('./worker.ts');
  }
}
