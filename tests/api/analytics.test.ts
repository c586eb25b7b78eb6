import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { dayOf, monthOf, weekOf } from '../../workers/api/src/analytics/periods.ts';
import { CLEO, CORY, OLIVE, call, storeSession } from './api.ts';

const at = (iso: string): number => Date.parse(iso);
const iso = (period: { start: number; end: number } | null): string[] | null =>
  period && [period.start, period.end].map((time) => new Date(time).toISOString().slice(0, 10));

let olive = '';

beforeAll(async () => {
  olive = await storeSession(OLIVE.id);
  const insert = (
    id: string,
    user: string,
    content: string,
    amount: number,
    currency: string,
    when: string,
  ): D1PreparedStatement =>
    env.DB.prepare('INSERT INTO purchases VALUES (?1, ?2, ?3, ?4, ?5, ?6)').bind(id, user, content, amount, currency, at(when));
  await env.DB.batch([
    insert('pi_1', CORY.id, 'sun-prints', 1500, 'eur', '2026-02-28T23:59:59.999Z'),
    insert('pi_2', CORY.id, 'ten-staircases', 900, 'eur', '2026-03-01T00:00:00Z'),
    insert('pi_3', CLEO.id, 'ten-staircases', 900, 'eur', '2026-03-01T12:00:00Z'),
    insert('pi_4', CLEO.id, 'walking-maps', 500, 'usd', '2026-03-01T13:00:00Z'),
    insert('pi_5', CORY.id, 'walking-maps', 400, 'eur', '2026-03-02T00:00:00Z'),
    insert('pi_6', CORY.id, 'night-bus', 900, 'eur', '2026-03-31T23:59:59.999Z'),
    insert('pi_7', CORY.id, 'night-bus', 900, 'eur', '2026-04-01T00:00:00Z'),
    env.DB.prepare("UPDATE content SET published_at = ?1 WHERE id = 'walking-maps'").bind(at('2026-03-01T10:00:00Z')),
    env.DB.prepare("INSERT INTO refunds VALUES ('pi_2', 200, 0), ('pi_5', 400, 1)"),
    env.DB.prepare("INSERT INTO disputes VALUES ('dp_1', 'pi_6', 0, 'withdrawn')"),
  ]);
});

const report = async (path: string): Promise<unknown> =>
  (await call('GET', `/analytics/${path}`, { token: olive })).body.report;

describe('periods', () => {
  it('are days, months and weeks as the calendar has them', () => {
    expect(iso(dayOf('2028-02-29'))).toEqual(['2028-02-29', '2028-03-01']);
    expect(iso(monthOf('2026-12'))).toEqual(['2026-12-01', '2027-01-01']);
    // ISO 8601: 2026 began on a Thursday and so has 53 weeks; 2027's first begins on 4 January.
    expect(iso(weekOf('2026-W01'))).toEqual(['2025-12-29', '2026-01-05']);
    expect(iso(weekOf('2026-W53'))).toEqual(['2026-12-28', '2027-01-04']);
    expect(iso(weekOf('2027-W01'))).toEqual(['2027-01-04', '2027-01-11']);
  });

  it.each(['2026-02-30', '2027-02-29', '2026-13-01', '2026-1-1', 'today', '', '2026-01-01T00:00:00Z'])(
    'has no day %s',
    (text) => expect(dayOf(text)).toBeNull(),
  );
  it.each(['2026-00', '2026-13', '2026', '2026-1'])('has no month %s', (text) => expect(monthOf(text)).toBeNull());
  it.each(['2026-W00', '2027-W53', '2026-W54', '2026-47', '2026-W1'])('has no week %s', (text) =>
    expect(weekOf(text)).toBeNull(),
  );
});

describe('GET /analytics', () => {
  it('sums up a day, from its first millisecond to its last, by currency', async () => {
    expect(await report('daily/2026-03-01')).toEqual({
      newUsers: 0,
      published: 1,
      revenue: [
        { currency: 'eur', purchases: 2, gross: 1800, net: 1600 },
        { currency: 'usd', purchases: 1, gross: 500, net: 500 },
      ],
    });
    expect(await report('daily/2026-01-01')).toEqual({ newUsers: 3, published: 0, revenue: [] });
  });

  it('sums up a month: what was refunded or disputed is in the gross and not in the net', async () => {
    expect(await report('revenue/2026-03')).toEqual([
      { currency: 'eur', purchases: 4, gross: 3100, net: 1600 },
      { currency: 'usd', purchases: 1, gross: 500, net: 500 },
    ]);
  });

  it('ranks a week by what was bought and kept', async () => {
    expect(await report('top-content/2026-W09')).toEqual([
      { contentId: 'ten-staircases', title: 'Ten staircases', purchases: 2 },
      { contentId: 'sun-prints', title: 'Prints from the sun', purchases: 1 },
      { contentId: 'walking-maps', title: 'Maps made by walking', purchases: 1 },
    ]);
  });

  it('follows those who came in a month', async () => {
    expect(await report('cohorts/2026-01')).toEqual({
      users: 3,
      months: [
        { month: '2026-02', buyers: 1, purchases: 1 },
        { month: '2026-03', buyers: 2, purchases: 3 },
        { month: '2026-04', buyers: 1, purchases: 1 },
      ],
    });
  });

  it('caches a period that is over for a day, and one that is not for five minutes', async () => {
    const today = new Date().toISOString().slice(0, 10);
    await report('daily/2026-03-02');
    await report(`daily/${today}`);
    const expiresIn = async (name: string): Promise<number> => {
      const { keys } = await env.CACHE_KV.list({ prefix: 'cache:analytics:daily:' });
      return (keys.find((key) => key.name === name)?.expiration ?? 0) - Date.now() / 1000;
    };
    await expect.poll(() => expiresIn('cache:analytics:daily:2026-03-02')).toBeGreaterThan(86_000);
    await expect.poll(() => expiresIn(`cache:analytics:daily:${today}`)).toBeGreaterThan(0);
    expect(await expiresIn(`cache:analytics:daily:${today}`)).toBeLessThan(400);
    expect((await call('GET', '/analytics/daily/2026-03-02', { token: olive })).served.d1Queries).toBe(0);
  });

  it('knows nothing of what is no period, or has not begun', async () => {
    for (const path of ['daily/2026-02-30', 'daily/2199-01-01', 'revenue/2199-01', 'top-content/2199-W01', 'cohorts/nobody']) {
      expect((await call('GET', `/analytics/${path}`, { token: olive })).status, path).toBe(400);
    }
  });

  it('is for the owner', async () => {
    const cleo = await storeSession(CLEO.id);
    expect((await call('GET', '/analytics/daily/2026-03-01', { token: cleo })).status).toBe(403);
    expect((await call('GET', '/analytics/daily/2026-03-01')).status).toBe(401);
  });
});
