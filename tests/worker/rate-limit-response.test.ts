import {
  RATE_LIMITS,
  RateLimiterClient,
  type RateLimitResult,
  rateLimitHeaders,
  tooManyRequests,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { parseList } from './support/structured-fields.ts';
import { codeOf } from './support/thrown.ts';

const NOW = Date.UTC(2026, 0, 1);

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => void vi.useRealTimers());

const passed = (fields: Partial<RateLimitResult> = {}): RateLimitResult => ({
  allowed: true,
  remaining: 3,
  resetAt: NOW + 120_000,
  limit: 5,
  windowMs: 900_000,
  retryAfterMs: 0,
  reason: 'ok',
  exact: false,
  scope: 'colo',
  ...fields,
});
const denied = (fields: Partial<RateLimitResult> = {}): RateLimitResult =>
  passed({ allowed: false, remaining: 0, retryAfterMs: 120_000, reason: 'limit', ...fields });

const fieldsOf = (headers: Headers): [policy: string | null, limit: string | null, retryAfter: string | null] => [
  headers.get('RateLimit-Policy'),
  headers.get('RateLimit'),
  headers.get('Retry-After'),
];

/** The items of a field, as a client reads them that follows the letter. */
const read = (headers: Headers, field: 'RateLimit' | 'RateLimit-Policy'): Record<string, unknown>[] =>
  parseList(headers.get(field) ?? '').map(({ value, parameters }) => ({ value, ...Object.fromEntries(parameters) }));

describe('rateLimitHeaders', () => {
  it('shows the policy and what is left of it', () => {
    expect(fieldsOf(rateLimitHeaders(passed(), 'login'))).toEqual(['"login";q=5;w=900', '"login";r=3;t=120', null]);
  });

  it('tells whoever is denied when to come back', () => {
    expect(fieldsOf(rateLimitHeaders(denied(), 'login'))).toEqual(['"login";q=5;w=900', '"login";r=0;t=120', '120']);
  });

  it('leaves the times out where waiting does not help', () => {
    const never = denied({ limit: 0, retryAfterMs: -1, resetAt: Number.POSITIVE_INFINITY });
    expect(fieldsOf(rateLimitHeaders(never))).toEqual(['"default";q=0;w=900', '"default";r=0', null]);
  });

  it('leaves the window out where the verdict does not say', () => {
    const { windowMs: _, ...without } = passed();
    expect(fieldsOf(rateLimitHeaders(without))).toEqual(['"default";q=5', '"default";r=3;t=120', null]);
  });

  it('shows several policies, in order, and the longest wait of those that denied', () => {
    const results = [
      denied({ retryAfterMs: 1500 }),
      passed({ limit: 100, remaining: 99, resetAt: NOW + 600_000, windowMs: 3_600_000 }),
      denied({ limit: 10, retryAfterMs: 59_001, windowMs: 60_000 }),
    ];
    const headers = rateLimitHeaders(results, ['address', 'account', 'everybody']);
    expect(read(headers, 'RateLimit-Policy')).toEqual([
      { value: 'address', q: 5, w: 900 },
      { value: 'account', q: 100, w: 3600 },
      { value: 'everybody', q: 10, w: 60 },
    ]);
    expect(read(headers, 'RateLimit')).toEqual([
      { value: 'address', r: 0, t: 2 },
      { value: 'account', r: 99, t: 600 },
      { value: 'everybody', r: 0, t: 60 },
    ]);
    expect(headers.get('Retry-After')).toBe('60');
    expect(rateLimitHeaders([...results, denied({ retryAfterMs: -1 })]).get('Retry-After')).toBeNull();
  });

  it('tells policies apart that have one name or none', () => {
    const values = (headers: Headers): unknown[] => read(headers, 'RateLimit').map(({ value }) => value);
    expect(values(rateLimitHeaders([passed(), passed(), passed()]))).toEqual(['default', 'default-2', 'default-3']);
    expect(values(rateLimitHeaders([passed(), passed()], 'login'))).toEqual(['login', 'login-2']);
    expect(values(rateLimitHeaders(passed(), ['login']))).toEqual(['login']);
  });

  it('sends no field for no verdict', () => {
    expect([...rateLimitHeaders([])]).toEqual([]);
    expect([...rateLimitHeaders([], [])]).toEqual([]);
  });

  it('quotes what a String has to quote', () => {
    for (const name of ['"', '\\', '\\"', 'a "b" \\c', ' ', ' a ', 'a,b;c=d', '~!', "'"]) {
      const headers = rateLimitHeaders(denied(), name);
      expect(read(headers, 'RateLimit-Policy')).toEqual([{ value: name, q: 5, w: 900 }]);
      expect(read(headers, 'RateLimit')).toEqual([{ value: name, r: 0, t: 120 }]);
    }
  });

  it('refuses a name that is no String of printable characters', async () => {
    const unprintable = ['é', 'a\u0000', 'a\nb', 'a\r\nSet-Cookie: x=1', 'a\tb', '\u007f', '\u0080', '\u{1f600}', '\ud800'];
    for (const name of ['', ...unprintable, 5, {}, [null], [5], [['a']]]) {
      expect(await codeOf(() => rateLimitHeaders(passed(), name as never))).toBe('invalid-argument');
      expect(await codeOf(() => rateLimitHeaders(passed(), [name] as never))).toBe('invalid-argument');
      expect(await codeOf(() => tooManyRequests(denied(), { name } as never))).toBe('invalid-argument');
    }
  });

  it.each([[[]], [['a']], [['a', 'a']], [['a', 'b', 'c']]])('refuses names %o for two verdicts', async (names) => {
    expect(await codeOf(() => rateLimitHeaders([passed(), passed()], names))).toBe('invalid-argument');
  });

  it.each([
    undefined,
    null,
    5,
    {},
    [null],
    passed({ limit: Number.NaN }),
    passed({ limit: -1 }),
    passed({ limit: 1e15 }),
    passed({ remaining: 0.5 }),
    passed({ remaining: '3' as never }),
    passed({ resetAt: Number.POSITIVE_INFINITY }),
    passed({ windowMs: Number.NaN }),
    denied({ retryAfterMs: undefined as never }),
    denied({ retryAfterMs: 1e18 }),
  ])('refuses what is no verdict: %o', async (odd) => {
    expect(await codeOf(() => rateLimitHeaders(odd as never))).toBe('invalid-argument');
  });

  it('shows a verdict of the limiter, and nothing of whom it is about', async () => {
    const limiter = new RateLimiterClient(new MemoryKV());
    const rule = { ...RATE_LIMITS.login, limit: 1 };
    const first = await limiter.checkLimit('ada@example.com', rule);
    expect(read(rateLimitHeaders(first, 'login'), 'RateLimit')).toEqual([{ value: 'login', r: 0, t: 900 }]);
    vi.setSystemTime(NOW + 1);
    const second = await limiter.checkLimit('ada@example.com', rule);
    const answer = tooManyRequests(second, { name: 'login' });
    expect(answer.headers.get('Retry-After')).toBe('900');
    expect(JSON.stringify([...answer.headers, await answer.text()])).not.toMatch(/ada|example\.com|rl:/);
  });
});

describe('rounding', () => {
  // A repeatable sequence (Park and Miller, "minimal standard").
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };

  it('never tells a client to come back too early, nor a second too late', () => {
    const longest = 31 * 86_400_000;
    for (let round = 0; round < 20_000; round++) {
      const scale = 10 ** Math.floor(random() * 10);
      const ms = 1 + Math.floor(random() * Math.min(scale, longest - 1));
      const now = NOW + Math.floor(random() * 1e12);
      vi.setSystemTime(now);

      const refused = rateLimitHeaders(denied({ retryAfterMs: ms, resetAt: now + ms }));
      const retryAfter = Number(refused.get('Retry-After'));
      expect(retryAfter * 1000).toBeGreaterThanOrEqual(ms);
      expect(retryAfter * 1000).toBeLessThan(ms + 1000);
      // Retry-After should not be earlier than t (draft, 6).
      expect(parseList(refused.get('RateLimit') ?? '')[0]?.parameters.get('t')).toBe(retryAfter);

      const t = Number(
        parseList(rateLimitHeaders(passed({ resetAt: now + ms })).get('RateLimit') ?? '')[0]?.parameters.get('t'),
      );
      expect(t * 1000).toBeGreaterThanOrEqual(ms);
      expect(t * 1000).toBeLessThan(ms + 1000);
    }
  });

  it.each([
    [1, '1'],
    [999, '1'],
    [1000, '1'],
    [1001, '2'],
    [900_000, '900'],
    [2_678_400_000, '2678400'],
    [0, '1'],
  ])('a wait of %i ms is %s s', (retryAfterMs, seconds) => {
    expect(rateLimitHeaders(denied({ retryAfterMs })).get('Retry-After')).toBe(seconds);
  });

  it('goes by the wait of a denial, whatever the clock says', () => {
    for (const now of [0, NOW + 1e9]) {
      vi.setSystemTime(now);
      expect(fieldsOf(rateLimitHeaders(denied()))).toEqual(['"default";q=5;w=900', '"default";r=0;t=120', '120']);
    }
  });

  it('calls a window that is over 0 seconds', () => {
    vi.setSystemTime(NOW + 120_001);
    expect(read(rateLimitHeaders(passed()), 'RateLimit')).toEqual([{ value: 'default', r: 3, t: 0 }]);
  });

  it('calls a part of a second of a window a second', () => {
    expect(rateLimitHeaders(passed({ windowMs: 1 })).get('RateLimit-Policy')).toBe('"default";q=5;w=1');
    expect(rateLimitHeaders(passed({ windowMs: 1001 })).get('RateLimit-Policy')).toBe('"default";q=5;w=2');
  });

  it('says what a shadow verdict would have waited for, and asks nobody to wait', () => {
    const shadow = passed({ remaining: 0, retryAfterMs: 5000 });
    expect(fieldsOf(rateLimitHeaders(shadow))).toEqual(['"default";q=5;w=900', '"default";r=0;t=5', null]);
  });
});

describe('tooManyRequests', () => {
  it('is a problem that says when to try again', async () => {
    const answer = tooManyRequests(denied({ retryAfterMs: 119_001 }), { name: 'login' });
    expect(answer.status).toBe(429);
    expect(Object.fromEntries(answer.headers)).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      ratelimit: '"login";r=0;t=120',
      'ratelimit-policy': '"login";q=5;w=900',
      'retry-after': '120',
    });
    expect(await answer.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: 'Too many requests. Try again in 120 s.',
      retryAfter: 120,
      'violated-policies': ['login'],
    });
  });

  it('says nothing of waiting where that does not help', async () => {
    const answer = tooManyRequests(denied({ retryAfterMs: -1 }));
    expect(answer.headers.has('Retry-After')).toBe(false);
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(problem).not.toHaveProperty('retryAfter');
    expect(problem['detail']).toBe('Too many requests.');
  });

  it('names those that denied, of several', async () => {
    const answer = tooManyRequests([passed(), denied(), denied({ retryAfterMs: 180_000 })], { name: ['a', 'b', 'c'] });
    expect(await answer.json()).toMatchObject({ retryAfter: 180, 'violated-policies': ['b', 'c'] });
    expect(read(answer.headers, 'RateLimit').map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  });

  it('sends the headers along that it is given, and keeps its own', async () => {
    const given = new Headers({ 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'public', 'Content-Type': 'text/html' });
    given.append('Set-Cookie', 'a=1');
    given.append('Set-Cookie', 'b=2');
    given.set('Retry-After', '1');
    const answer = tooManyRequests(denied(), { headers: given, detail: 'Too many sign-ins from this address.' });
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(answer.headers.get('Retry-After')).toBe('120');
    expect(await answer.json()).toMatchObject({ detail: 'Too many sign-ins from this address.' });
    expect(given.get('Cache-Control')).toBe('public');
    expect(tooManyRequests(denied(), { headers: { Vary: 'Origin' } }).headers.get('Vary')).toBe('Origin');
    expect(tooManyRequests(denied(), { headers: [['Vary', 'Origin']] }).headers.get('Vary')).toBe('Origin');
  });
});
