import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { CLEO, CORY, OLIVE, call, storeSession } from './api.ts';

const FROM_THE_CACHE = expect.stringMatching(/^(kv|memory)$/);
const titles = (body: Record<string, unknown>): string[] => (body.content as { title: string }[]).map(({ title }) => title);

describe('GET /content', () => {
  it('lists what is published in a category, newest first, and no drafts', async () => {
    const { status, body } = await call('GET', '/content?category=essays');
    expect({ status, titles: titles(body) }).toEqual({
      status: 200,
      titles: ['Maps made by walking', 'In praise of slow letters'],
    });
  });

  it('is answered by D1 first and by the cache from then on, with the same list', async () => {
    const first = await call('GET', '/content?category=film');
    expect(first.served.from).toBe('d1');
    await expect.poll(() => env.CACHE_KV.get('cache:content:published:film', 'json')).toEqual(first.body.content);
    const second = await call('GET', '/content?category=film');
    expect(second).toMatchObject({ body: first.body, served: { from: FROM_THE_CACHE, d1Queries: 0 } });
  });

  it('is answered by D1 when KV holds something that is not JSON', async () => {
    await env.CACHE_KV.put('cache:content:published:workshops', 'not json');
    const { status, body, served } = await call('GET', '/content?category=workshops');
    expect({ status, titles: titles(body), from: served.from }).toEqual({
      status: 200,
      titles: ['Bind a book in an afternoon', 'Prints from the sun'],
      from: 'd1',
    });
  });

  it('answers an unknown category with 404 and stores nothing for it', async () => {
    const { status, body } = await call('GET', '/content?category=unheard-of');
    expect({ status, type: body.type }).toEqual({ status: 404, type: 'urn:codex:problem:not-found' });
    expect(await env.CACHE_KV.get('cache:content:published:unheard-of')).toBeNull();
  });

  it('answers a category that has nothing published with an empty list', async () => {
    await env.DB.prepare("INSERT INTO categories (id, name, description, position) VALUES ('empty', 'Empty', '', 9)").run();
    const { status, body } = await call('GET', '/content?category=empty');
    expect({ status, content: body.content }).toEqual({ status: 200, content: [] });
  });

  it.each(['', '?category=', '?category=a/b', `?category=${'a'.repeat(65)}`, '?category=%00', '?Category=film'])(
    'refuses the query %j',
    async (query) => {
      const { status, body, served } = await call('GET', `/content${query}`);
      expect({ status, fields: body.fields, kvReads: served.kvReads }).toEqual({
        status: 400,
        fields: ['category'],
        kvReads: 0,
      });
    },
  );
});

describe('GET /content/featured', () => {
  it('lists what is published and featured, from D1 and then from the cache', async () => {
    const first = await call('GET', '/content/featured');
    expect(titles(first.body)).toEqual([
      'The harbour at four',
      'Maps made by walking',
      'Ten staircases',
      'Prints from the sun',
    ]);
    await expect.poll(() => env.CACHE_KV.get('cache:content:featured', 'json')).toEqual(first.body.content);
    const second = await call('GET', '/content/featured');
    expect(second).toMatchObject({ body: first.body, served: { from: FROM_THE_CACHE, d1Queries: 0 } });
  });
});

describe('GET /categories', () => {
  it('lists the categories in their order, from D1 and then from the cache', async () => {
    const first = await call('GET', '/categories');
    expect((first.body.categories as { id: string }[]).map(({ id }) => id).filter((id) => id !== 'empty')).toEqual([
      'essays',
      'sound',
      'film',
      'workshops',
    ]);
    await expect.poll(() => env.CACHE_KV.get('cache:categories')).not.toBeNull();
    const second = await call('GET', '/categories');
    expect(second).toMatchObject({ body: first.body, served: { from: FROM_THE_CACHE, d1Queries: 0 } });
  });
});

describe('GET /content/mine', () => {
  it('lists a creator’s own content, drafts included', async () => {
    const { status, body } = await call('GET', '/content/mine', { token: await storeSession(CLEO.id) });
    const content = body.content as { creatorName: string; status: string }[];
    expect(status).toBe(200);
    expect(new Set(content.map(({ creatorName }) => creatorName))).toEqual(new Set(['Cleo']));
    expect(new Set(content.map((item) => item.status))).toEqual(new Set(['draft', 'published']));
  });

  it('lists everybody’s for the owner', async () => {
    const { body } = await call('GET', '/content/mine', { token: await storeSession(OLIVE.id) });
    expect(body.content).toHaveLength(12);
  });

  it('refuses a customer, and nobody', async () => {
    const customer = await call('GET', '/content/mine', { token: await storeSession(CORY.id) });
    const nobody = await call('GET', '/content/mine');
    expect([customer.status, nobody.status]).toEqual([403, 401]);
  });
});
