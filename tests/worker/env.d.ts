declare namespace Cloudflare {
  interface Env {
    KV: KVNamespace;
    LIMITS: DurableObjectNamespace<import('@codex/cloudflare-clients/durable-objects').RateLimitAuthority>;
    SESSIONS: DurableObjectNamespace<import('@codex/cloudflare-clients/durable-objects').SessionRegistry>;
  }
  interface GlobalProps {
    mainModule: typeof import('./worker.ts');
  }
}
