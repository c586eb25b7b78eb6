import { describe, expect, it } from 'vitest';
import type { Binding, Member, Placed } from './binding.ts';
import { absent, apart, shared, unconnected, unfit } from './checks.ts';
import { membersOf } from './env-type.ts';
import { placed, workers } from './workers.ts';

const all = workers().flatMap(placed);

describe('every worker, in every environment', () => {
  it('is looked at', () => {
    expect(new Set(all.map(({ environment }) => environment)).size).toBe(4);
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['codex-api', 'codex-api-production', 'codex-webhook-handler', 'codex-webhook-handler-staging']),
    );
    expect(absent(all)).toEqual([]);
  });

  it('is given what its Env says, as what it says, and nothing else', () => expect(unfit(all)).toEqual([]));
  it('shares nothing with another environment, nor with another platform', () => expect(shared(all)).toEqual([]));
  it('shares what it binds with the workers beside it', () => expect(apart(all)).toEqual([]));
  it('is connected to workers that are there', () => expect(unconnected(all)).toEqual([]));
});

describe('the type of the bindings', () => {
  it('is read from an interface, with its optional members, comments and generics', () => {
    const members = membersOf(`
      import type { X } from './x.ts';
      /** { not a member: string; } */
      export interface Env extends Base {
        /** A store: of sessions; */
        SESSIONS: KVNamespace;
        OBJECTS: DurableObjectNamespace<X>; // ONE: string;
        PLACE?: string;
        NESTED: { inner: string };
        OTHER: Fetcher;
      }
      interface Later { NOT: string; }`);
    expect(members).toEqual([
      { name: 'SESSIONS', optional: false, kinds: ['kv'] },
      { name: 'OBJECTS', optional: false, kinds: ['object'] },
      { name: 'PLACE', optional: true, kinds: ['value'] },
      { name: 'NESTED', optional: false, kinds: ['service', 'value'] },
      { name: 'OTHER', optional: false, kinds: ['service', 'assets'] },
    ]);
  });

  it('is read from SvelteKit’s platform', () => {
    const source = 'declare global { namespace App { interface Platform { env: { DB: D1Database; SECRET: string; }; } } }';
    expect(membersOf(source.replaceAll('; ', ';\n')).map(({ name }) => name)).toEqual(['DB', 'SECRET']);
  });

  it('is missed where there is none', () => {
    expect(() => membersOf('export interface Other { A: string; }')).toThrow('no type of the bindings');
    expect(() => membersOf('interface Env { }')).toThrow('no members');
  });
});

describe('the checks', () => {
  const KV: Binding = { name: 'KV', kind: 'kv', id: 'one' };
  const expectsKv: Member = { name: 'KV', optional: false, kinds: ['kv'] };
  const worker = (more: Partial<Placed>): Placed => ({
    name: 'a',
    platform: 'p',
    environment: 'staging',
    members: [expectsKv],
    bindings: [KV],
    ids: [],
    exports: [],
    ...more,
  });

  it('find a binding that is missing, of another kind, or unknown', () => {
    expect(unfit([worker({})])).toEqual([]);
    expect(unfit([worker({ bindings: [] })])).toEqual(['a (staging) has no KV']);
    expect(unfit([worker({ bindings: [{ ...KV, kind: 'r2' }] })])).toEqual(['a (staging): KV is a r2, not a kv']);
    expect(unfit([worker({ bindings: [KV, { name: 'MORE', kind: 'value' }] })])).toEqual([
      'a (staging): its Env knows no MORE',
    ]);
    const optional = { ...expectsKv, optional: true };
    expect(unfit([worker({ members: [optional], bindings: [] })])).toEqual([]);
  });

  it('find an id that two environments share, or two platforms, however each binds it', () => {
    expect(shared([worker({}), worker({ name: 'b' })])).toEqual([]);
    expect(shared([worker({}), worker({ name: 'b', environment: 'production' })])).toEqual([
      'one is in staging of p and in production of p',
    ]);
    expect(shared([worker({}), worker({ name: 'b', platform: 'q', bindings: [{ ...KV, name: 'X' }] })])).toHaveLength(1);
    expect(
      shared([worker({ ids: ['q'] }), worker({ name: 'b', environment: 'production', bindings: [], ids: ['q'] })]),
    ).toHaveLength(1);
    expect(shared([worker({}), worker({ environment: 'production', bindings: [] })])).toEqual([
      'a is in staging of p and in production of p',
    ]);
  });

  it('find workers that should share and do not', () => {
    const other = worker({ name: 'b', bindings: [{ ...KV, id: 'two' }] });
    expect(apart([worker({}), other])).toEqual(['KV is one to a (staging) and two to b (staging)']);
    expect(apart([worker({}), { ...other, environment: 'production' }])).toEqual([]);
    expect(apart([worker({}), { ...other, platform: 'q' }])).toEqual([]);
  });

  it('find a connection to a worker, or to an entry point, that is not there', () => {
    const caller = (id: string, entrypoint?: string): Placed =>
      worker({ bindings: [{ name: 'S', kind: 'service', id, ...(entrypoint ? { entrypoint } : {}) }] });
    const target = worker({ name: 'b', exports: ['E'] });
    expect(unconnected([caller('b'), target])).toEqual([]);
    expect(unconnected([caller('b', 'E'), target])).toEqual([]);
    expect(unconnected([caller('b', 'F'), target])).toHaveLength(1);
    expect(unconnected([caller('c'), target])).toHaveLength(1);
    expect(unconnected([caller('b'), { ...target, environment: 'production' }])).toHaveLength(1);
  });

  it('find an environment that a worker does not have', () => {
    expect(absent([worker({ bindings: [] }), worker({})])).toEqual(['a (staging) binds nothing']);
  });
});
