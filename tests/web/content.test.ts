import { describe, expect, inject, it } from 'vitest';
import { Visitor } from './visitor.ts';

describe.each(['linked', 'packed'] as const)('content, with the %s package', (how) => {
  const visitor = new Visitor(inject('sites')[how].url);

  it('comes from the database once, then from the cache', async () => {
    const missed = await visitor.get('/api/content?category=sound');
    expect(missed).toMatchObject({ status: 200, d1Statements: 1 });
    expect(missed.headers.get('x-answered-by')).toBe('database');
    expect((missed.body as { title: string }[]).map(({ title }) => title)).toEqual(['The harbour at four', 'Room tone']);

    // The cache is filled after the first answer.
    const again = async (): Promise<string | null> =>
      (await visitor.get('/api/content?category=sound')).headers.get('x-answered-by');
    await expect.poll(again).toMatch(/^(?:kv|memory)$/);
    expect(await visitor.get('/api/content?category=sound', 'd1-down')).toMatchObject({ status: 200, body: missed.body });
  });

  it('comes from the database while KV is not bound', async () => {
    for (let time = 0; time < 2; time++) {
      const answer = await visitor.get('/api/content?category=essays', 'kv-unbound');
      expect(answer).toMatchObject({ status: 200, d1Statements: 1 });
      expect((answer.body as { id: string }[]).map(({ id }) => id)).toEqual(['walking-maps', 'slow-letters']);
    }
  });

  it('comes from the database while KV is down', async () => {
    const answer = await visitor.get('/api/content?category=film', 'kv-down');
    expect(answer).toMatchObject({ status: 200, d1Statements: 1 });
    expect((answer.body as { title: string }[]).map(({ title }) => title)).toEqual(['Ten staircases']);
  });

  it('of a category that is not named, or not there, is refused before anybody is asked', async () => {
    expect(await visitor.get('/api/content')).toMatchObject({ status: 400, d1Statements: 0 });
    expect(await visitor.get('/api/content?category=nothing')).toMatchObject({ status: 404, d1Statements: 0 });
  });

  it('is on the page, which nobody on the way may keep', async () => {
    const page = await visitor.get('/?category=film');
    expect(page.body).toContain('Ten staircases');
    expect(page.headers.get('cache-control')).toBe('private, no-store');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
  });
});
