import { CacheClient, clientAddress, normalizeAddress, RateLimiterClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { core, freshMinutes, instance, ruin, turns } from './support/core.ts';
import { HeldStore } from './support/held-store.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

const from = (address: string, headers: Record<string, string> = {}): Request =>
  new Request('https://example.com/', { headers: { 'CF-Connecting-IP': address, ...headers } });

/** One address of each kind, and its form. What else there is, the native tests show. */
const FORMS: [address: string, form: string | null][] = [
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['::1', '::/64'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:CB00:7107', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '203.0.113.7'],
  ['64:ff9b:1::203.0.113.7', '64:ff9b:1::/64'],
  ['2002:cb00:7107::1', '203.0.113.7'],
  ['fe80::1%eth0', 'fe80::/64'],
  ['2a06:98c0:3600::103', '2a06:98c0:3600::/64'],
  ['240.16.0.1', '240.16.0.1'],
  ['', null],
  ['unknown', null],
  ['[::1]', null],
  ['[::1]:443', null],
  ['203.0.113.7:443', null],
  ['203.0.113.07', null],
  ['203.0.113.7, 198.51.100.1', null],
  ['2001:db8::1/48', null],
  ['1'.repeat(100_000), null],
  [`fe80::1%${'z'.repeat(100_000)}`, null],
];

describe('clientAddress', () => {
  it.each(FORMS)('of %.60s', (address, form) => {
    expect(clientAddress(from(address))).toBe(form);
  });

  it('reads the one field that clients cannot set, in whatever case', () => {
    const forged = { 'X-Forwarded-For': '198.51.100.1', 'True-Client-IP': '198.51.100.2', 'X-Real-IP': '198.51.100.3' };
    const also = {
      ...forged,
      Forwarded: 'for=198.51.100.4',
      'CF-Connecting-IPv6': '2001:db8::1',
      'CF-Pseudo-IPv4': '240.0.0.1',
    };
    expect(clientAddress(from('203.0.113.7', also))).toBe('203.0.113.7');
    expect(clientAddress(new Request('https://example.com/', { headers: also }))).toBeNull();
    expect(clientAddress(new Request('https://example.com/', { headers: { 'cf-connecting-ip': '203.0.113.7' } }))).toBe(
      '203.0.113.7',
    );
    const twice = new Headers({ 'CF-Connecting-IP': '203.0.113.7' });
    twice.append('CF-Connecting-IP', '198.51.100.1');
    expect(clientAddress(new Request('https://example.com/', { headers: twice }))).toBeNull();
  });

  it('is null for a request without one', () => {
    expect(clientAddress(new Request('https://example.com/'))).toBeNull();
  });

  it('puts a network under one limit, and its neighbour under another', async () => {
    const kv = recording(new MemoryKV());
    const limiter = new RateLimiterClient(kv);
    const rule = { limit: 2, window: 60, keyPrefix: 'rl:address:' };
    const remaining = async (address: string): Promise<number> =>
      (await limiter.checkLimit(clientAddress(from(address)) ?? '', rule)).remaining;
    expect(await remaining('2001:db8:1:2::1')).toBe(1);
    expect(await remaining('2001:db8:1:2:ffff::')).toBe(0);
    expect(await remaining('2001:db8:1:3::1')).toBe(1);
    expect(kv.operations).toContain('put rl:address:2001%3Adb8%3A1%3A2%3A%3A/64');
  });

  it('takes as much of an IPv6 address as it is told', () => {
    const request = from('2001:db8:1234:5678:9abc::1');
    expect(clientAddress(request, {})).toBe('2001:db8:1234:5678::/64');
    expect(clientAddress(request, { ipv6Prefix: 56 })).toBe('2001:db8:1234:5600::/56');
    expect(clientAddress(request, { ipv6Prefix: 128 })).toBe('2001:db8:1234:5678:9abc::1');
    expect(clientAddress(request, { ipv6Prefix: 1 })).toBe('::/1');
  });

  it.each([null, undefined, 5, 'GET', {}, { headers: {} }])('refuses what is no request: %o', async (odd) => {
    expect(await codeOf(() => clientAddress(odd as never))).toBe('invalid-argument');
  });
});

describe('normalizeAddress', () => {
  it.each(FORMS)('of %.60s', (address, form) => {
    expect(normalizeAddress(address)).toBe(form);
    if (form !== null) expect(normalizeAddress(form)).toBe(form);
  });

  it.each([undefined, null, 5, {}, ['::1'], new String('::1')])('refuses %o, which is no text', async (odd) => {
    expect(await codeOf(() => normalizeAddress(odd as never))).toBe('invalid-argument');
  });

  it.each([0, -1, 129, 64.5, Number.NaN, Number.POSITIVE_INFINITY, '64', null])(
    'refuses a prefix of %o',
    async (ipv6Prefix) => {
      const options = { ipv6Prefix } as never;
      expect(await codeOf(() => normalizeAddress('::1', options))).toBe('invalid-config');
      expect(await codeOf(() => normalizeAddress('203.0.113.7', options))).toBe('invalid-config');
      expect(await codeOf(() => clientAddress(from('203.0.113.7'), options))).toBe('invalid-config');
    },
  );

  it('says which call and which number were wrong', () => {
    const call = (): unknown => clientAddress(from('::1'), { ipv6Prefix: 129 });
    expect(call).toThrow('clientAddress: ipv6Prefix must be a whole number from 1 to 128 (got 129)');
  });

  it.each([null, 64, '64'])('refuses options that are none: %o', async (options) => {
    expect(await codeOf(() => normalizeAddress('::1', options as never))).toBe('invalid-config');
  });

  it('leaves calls alone that are under way', async () => {
    const store = new HeldStore();
    const value = new CacheClient(store.kv).getOrSet('held', 60, () => 'loaded');
    expect(normalizeAddress('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    store.take('held').answer(null);
    await turns();
    expect(normalizeAddress('::ffff:203.0.113.7')).toBe('203.0.113.7');
    store.take('held').answer();
    expect(await value).toBe('loaded');
  });
});

describe('without a core', () => {
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    await freshMinutes();
  });
  afterEach(() => void vi.useRealTimers());

  /** Makes the core trap so often that the isolate does without it. */
  async function exhaust(): Promise<void> {
    for (let count = 0; count < 5; count++) {
      ruin();
      await new RateLimiterClient(new MemoryKV()).checkLimit('trapper', { limit: 5, window: 60, keyPrefix: 'rl:trap:' });
      await turns();
    }
    expect(core.acquire(Date.now())).toBeNull();
  }

  it('answers all the same, with a text that tells networks apart', async () => {
    await exhaust();
    expect(clientAddress(from('203.0.113.7'))).toBe('203.0.113.7');
    expect(clientAddress(from('2001:db8:1:2:3:4:5:6'))).toBe('2001:db8:1:2');
    expect(clientAddress(from('2001:db8:1:3::1'))).toBe('2001:db8:1:3');
    expect(clientAddress(from('2001:db8::1'))).toBe('2001:db8');
    expect(clientAddress(from('::ffff:203.0.113.7'))).toBe('::ffff:203.0.113.7');
    expect(clientAddress(from('::1'))).toBe('::1');
    expect(clientAddress(new Request('https://example.com/'))).toBeNull();
  });

  it('gives a network that moves about no more than a few texts', async () => {
    await exhaust();
    for (const network of ['2001:db8:1:2', '2001:db8:1:0', '2001:db8:0:0', '2001:0:0:2']) {
      const texts = new Set<string | null>();
      for (let host = 0; host < 500; host++) {
        const [a = 0, b = 0] = crypto.getRandomValues(new Uint16Array(2));
        const tail = [a, host % 3 === 0 ? 0 : b, host % 2 === 0 ? 0 : b, host].map((group) => group.toString(16)).join(':');
        // As Cloudflare writes it: the browser's own form of a host, RFC 5952.
        texts.add(clientAddress(from(new URL(`http://[${network}:${tail}]`).hostname.slice(1, -1))));
      }
      expect(texts.size).toBeLessThanOrEqual(3);
    }
  });

  it('gives an instance up that traps, and goes on with the next', async () => {
    const broken = instance();
    const traps = core.traps;
    Object.assign(broken.exports, {
      normalizeAddress: () => {
        throw new WebAssembly.RuntimeError('unreachable');
      },
    });
    expect(normalizeAddress('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
    expect(core.traps).toBe(traps + 1);
    expect(core.isCurrent(broken)).toBe(false);
    await turns();
    expect(normalizeAddress('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  });
});
