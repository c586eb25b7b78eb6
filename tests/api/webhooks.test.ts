import { describe, expect, it } from 'vitest';
import { call, callWith } from './api.ts';

describe('POST /webhooks/stripe', () => {
  it('reaches the webhook worker byte for byte, with no Origin and beyond the size of other bodies', async () => {
    const text = `{"spaced":  "out", "long": "${'é'.repeat(5000)}"}`;
    const bytes = new TextEncoder().encode(text);
    let received: { url: string; signature: string | null; body: string } | undefined;
    const WEBHOOKS = {
      fetch: async (request: Request) => {
        received = { url: request.url, signature: request.headers.get('Stripe-Signature'), body: await request.text() };
        return Response.json({ received: true, outcome: 'applied' }, { headers: { 'X-From': 'webhooks' } });
      },
    } as unknown as Fetcher;
    const answer = await callWith({ WEBHOOKS }, 'POST', '/webhooks/stripe', {
      body: text,
      headers: { Origin: '', 'Stripe-Signature': 't=1,v1=ab' },
    });
    expect(answer).toMatchObject({ status: 200, body: { received: true, outcome: 'applied' } });
    expect(answer.headers.get('X-From')).toBe('webhooks');
    expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(received).toEqual({ url: 'http://localhost:8787/webhooks/stripe', signature: 't=1,v1=ab', body: text });
    expect(bytes.length).toBeGreaterThan(4096);
  });

  it('says so when that worker cannot be reached, so that Stripe delivers again', async () => {
    const WEBHOOKS = { fetch: () => Promise.reject(new Error('Worker not found')) } as unknown as Fetcher;
    const { status, body } = await callWith({ WEBHOOKS }, 'POST', '/webhooks/stripe', { body: '{}' });
    expect({ status, type: body.type }).toEqual({ status: 503, type: 'urn:codex:problem:webhooks-unavailable' });
  });

  it('needs no Origin, unlike what is beside it', async () => {
    expect((await call('POST', '/webhooks/other', { headers: { Origin: '' } })).status).toBe(403);
    expect((await call('PUT', '/webhooks/stripe', { headers: { Origin: '' } })).status).toBe(403);
  });
});
