// The worker that the objects of the READMEs' programs belong to.
export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

export default {
  fetch: (): Response => new Response(null, { status: 404 }),
};
