// The package as a module of its own, so that the worker beside it can time its import.
export * from '@codex/cloudflare-clients';
