import { env } from 'cloudflare:workers';
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { type ClientEvent, SessionCacheClient, type SessionCacheOptions } from '@codex/cloudflare-clients';
import type { SessionRegistry } from '@codex/cloudflare-clients/durable-objects';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';
import { codeOf } from './support/thrown.ts';

// KV shows nothing elsewhere for an hour here, so whatever is right is right by the registry.
const HOUR_MS = 3_600_000;
const TOMORROW = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 24 * HOUR_MS;
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: TOMORROW }));
afterEach(() => void vi.useRealTimers());

const newName = (): string => crypto.randomUUID();
type Fault = 'none' | 'throws' | 'hangs' | 'too late';

/** The binding, with faults between it and the caller. */
class Registry {
  fault: Fault = 'none';
  requests: string[] = [];
  idFromName = (name: string): DurableObjectId => env.SESSIONS.idFromName(name);
  get = (id: DurableObjectId): unknown => {
    const stub = env.SESSIONS.get(id);
    const passOn =
      (method: 'revoke' | 'revokedBefore') =>
      async (...args: never[]): Promise<unknown> => {
        this.requests.push(method);
        if (this.fault === 'throws') throw new Error('the object was reset');
        if (this.fault === 'hangs') return new Promise(() => {});
        const answer: unknown = await (stub[method] as (...args: never[]) => Promise<unknown>)(...args);
        return this.fault === 'too late' ? new Promise(() => {}) : answer;
      };
    return { revoke: passOn('revoke'), revokedBefore: passOn('revokedBefore') };
  };
}

function setUp(options: SessionCacheOptions = {}) {
  const registry = new Registry();
  const events: ClientEvent[] = [];
  const kv = new MemoryKV({ lagMs: HOUR_MS });
  const all = { registry, onEvent: (event: ClientEvent) => events.push(event), ...options };
  const [userId, token, stays] = [newName(), newName(), newName()];
  const elsewhere = kv.elsewhere();
  const client = (store = kv): SessionCacheClient => new SessionCacheClient(recording(store), { strict: true, ...all });
  return { registry, events, kv, elsewhere, client, userId, token, stays, all };
}

/** Has a session at both places. */
async function everywhere({ kv, elsewhere, userId, token, client }: ReturnType<typeof setUp>): Promise<void> {
  await client().set(token, sessionOf(token, { userId }));
  const { value, metadata } = (await kv.getWithMetadata(`session:${token}`)) as { value: string; metadata: unknown };
  await elsewhere.put(`session:${token}`, value, { metadata });
}

describe('strict reads', () => {
  it('ask twice for a hit, and not at all for a miss', async () => {
    const setting = setUp();
    await everywhere(setting);
    setting.registry.requests.length = 0;
    expect(await setting.client().get(setting.token)).not.toBeNull();
    expect(await setting.client().get(newName())).toBeNull();
    expect(setting.registry.requests).toEqual(['revokedBefore', 'revokedBefore']);
  });

  it.each([
    ['delete', (sessions: SessionCacheClient, token: string) => sessions.delete(token)],
    ['deleteUserSessions', (sessions: SessionCacheClient, _: string, user: string) => sessions.deleteUserSessions(user)],
    ['invalidateUser', (sessions: SessionCacheClient, _: string, user: string) => sessions.invalidateUser(user)],
    [
      'deleteSession',
      (sessions: SessionCacheClient, token: string, user: string) => sessions.deleteSession(user, `id of ${token}`),
    ],
  ])('see %s at once, wherever KV shows what', async (_, revoke) => {
    const setting = setUp();
    const { elsewhere, client, token, userId, all } = setting;
    await everywhere(setting);
    expect(await client(elsewhere).get(token)).not.toBeNull();
    await revoke(client(), token, userId);
    expect(await client(elsewhere).get(token)).toBeNull();
    const lax = new SessionCacheClient(recording(elsewhere), { ...all, strict: false });
    expect(await lax.get(token)).not.toBeNull();
    expect(await lax.get(token, { strict: true })).toBeNull();
    expect(await lax.getOrLoad(token, async () => null, { strict: true })).toBeNull();
  });

  it('wait for no load that had begun before them, which may not know of the last revocation', async () => {
    const setting = setUp();
    const { client, token, userId } = setting;
    const session = sessionOf(token, { userId });
    const sessions = client();
    let finish = (): void => {};
    const early = sessions.getOrLoad(token, () => new Promise((resolve) => (finish = () => resolve(session))));
    await scheduler.wait(10);
    // Elsewhere, so that this isolate hears of it from nobody.
    await new SessionCacheClient(recording(new MemoryKV()), setting.all).delete(token);
    const loads = { count: 0 };
    const load = async (): Promise<null> => {
      loads.count++;
      await scheduler.wait(50);
      return null;
    };
    const late = Promise.all([sessions.getOrLoad(token, load), sessions.getOrLoad(token, load)]);
    await scheduler.wait(10);
    finish();
    expect(await late).toEqual([null, null]);
    expect(await early).toEqual(session);
    expect(loads.count).toBe(1);
  });

  it('keep what was set after a revocation, and what was excepted from it', async () => {
    const setting = setUp();
    const { client, token, stays, userId } = setting;
    await everywhere(setting);
    await client().set(stays, sessionOf(stays, { userId }));
    const sessions = client();
    expect(await sessions.deleteUserSessions(userId, { except: stays })).toMatchObject({ effectiveWithinMs: 0, bounded: true });
    const after = newName();
    await sessions.set(after, sessionOf(after, { userId }));
    for (const kept of [stays, after]) expect(await client().get(kept)).not.toBeNull();
    expect(await client().get(token)).toBeNull();
  });

  it('take what was loaded at the very instant up to which a revocation reaches for void', async () => {
    const setting = setUp();
    const { kv, registry, client, token, userId } = setting;
    await client().set(token, sessionOf(token, { userId }));
    const { metadata } = (await kv.getWithMetadata(`session:${token}`)) as { metadata: { l: number } };
    for (const [before, good] of [
      [metadata.l - 1, true],
      [metadata.l, false],
    ] as const) {
      registry.get = () => ({ revoke: async () => {}, revokedBefore: async (keys: unknown[]) => keys.map(() => before) });
      expect((await client().get(token)) !== null).toBe(good);
    }
  });

  it('are not made to accept by an exception what was revoked elsewhere, and KV does not show that yet', async () => {
    const setting = setUp();
    const { elsewhere, client, token, userId } = setting;
    await everywhere(setting);
    await client().deleteUserSessions(userId);
    await client(elsewhere).deleteUserSessions(userId, { except: token });
    for (const store of [setting.kv, elsewhere]) expect(await client(store).get(token)).toBeNull();
  });

  it.each(['throws', 'hangs', 'too late'] as const)('miss where the registry %s, and the loader answers', async (fault) => {
    const setting = setUp({ storeTimeoutMs: 200 });
    const { registry, client, token, userId, events } = setting;
    await everywhere(setting);
    registry.fault = fault;
    expect(await client().get(token)).toBeNull();
    expect(events.at(-1)).toMatchObject({ outcome: 'failed', source: 'authority', errorCode: 'store-unavailable' });
    const session = sessionOf(token, { userId });
    expect(await client().getOrLoad(token, async () => session)).toEqual(session);
  });

  it.each(['throws', 'hangs', 'too late'] as const)('revocations reject where the registry %s', async (fault) => {
    const setting = setUp({ storeTimeoutMs: 200 });
    const { registry, client, token, userId } = setting;
    await everywhere(setting);
    registry.fault = fault;
    const sessions = client();
    for (const call of [
      () => sessions.delete(token),
      () => sessions.deleteUserSessions(userId),
      () => sessions.invalidateUser(userId),
      () => sessions.deleteSession(userId, `id of ${token}`),
    ]) {
      expect(await codeOf(call)).toBe('store-unavailable');
    }
  });

  it('need a registry', async () => {
    const kv = new MemoryKV();
    expect(await codeOf(() => new SessionCacheClient(kv, { strict: true }))).toBe('invalid-config');
    expect(await codeOf(() => new SessionCacheClient(kv, { registry: {} as never }))).toBe('invalid-config');
  });

  it('ask about no session that cannot be one, and revoke none', async () => {
    const { registry, client } = setUp();
    for (const odd of ['', 'x'.repeat(600), 'a\ud800']) {
      expect(await client().get(odd)).toBeNull();
      await client().delete(odd);
    }
    expect(registry.requests).toEqual([]);
  });
});

describe('the object', () => {
  const stub = (): DurableObjectStub<SessionRegistry> => env.SESSIONS.get(env.SESSIONS.idFromName(`rows ${newName()}`));

  it('moves a revocation on and never back, and keeps it through a restart', async () => {
    const object = stub();
    expect(await object.revokedBefore(['a', 'b'])).toEqual([null, null]);
    await object.revoke('a', 1000, TOMORROW);
    await object.revoke('a', 500, TOMORROW);
    expect(await object.revokedBefore(['a', 'b'])).toEqual([1000, null]);
    await abortAllDurableObjects();
    expect(await env.SESSIONS.get(object.id).revokedBefore(['a'])).toEqual([1000]);
  });

  it('clears what no session can outlive, and nothing else', async () => {
    const object = stub();
    await object.revoke('short', 1, TOMORROW + HOUR_MS);
    await object.revoke('long', 2, TOMORROW + 100 * HOUR_MS);
    await object.revoke('short', 3, TOMORROW - HOUR_MS);
    vi.setSystemTime(TOMORROW + 2 * HOUR_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await object.revokedBefore(['short', 'long'])).toEqual([null, 2]);
    expect(await runInDurableObject(object, (_, { storage }) => storage.getAlarm())).toBeGreaterThan(TOMORROW + 100 * HOUR_MS);
  });

  it('refuses what no client sends', async () => {
    const refused = await runInDurableObject(stub(), async (object: SessionRegistry) =>
      Promise.all(
        [
          () => object.revoke('', 1, 1),
          () => object.revoke('x'.repeat(513), 1, 1),
          () => object.revoke('a', Number.NaN, 1),
          () => object.revoke('a', 1, 'soon' as never),
          () => object.revokedBefore('a' as never),
          () => object.revokedBefore([5 as never]),
          () => object.revokedBefore(Array(101).fill('a') as string[]),
        ].map((call) => codeOf(call)),
      ),
    );
    expect(refused).toEqual(Array(7).fill('invalid-argument'));
  });
});
