import { AsyncLocalStorage } from 'node:async_hooks';
import app from './cloudflare/_worker.js';

/** What a test wishes for one request, and what came of it. */
interface Circumstances {
  /** The header `x-circumstances`: any of `kv-down`, `kv-silent`, `kv-unbound`, `d1-down`, `d1-full`. */
  readonly wished: ReadonlySet<string>;
  statements: number;
  sessionReads: number;
}

const circumstances = new AsyncLocalStorage<Circumstances>();

let bindings: Record<string, unknown> | undefined;

/** The built application in circumstances of a test's choosing. `x-d1-statements` and `x-session-reads` tell what a request cost. */
export default {
  async fetch(request: Request, env: Record<string, unknown>, ctx: unknown): Promise<Response> {
    bindings ??= {
      ...env,
      AUTH_SESSION_KV: namespace(env.AUTH_SESSION_KV as object, () => ++of().sessionReads),
      RATE_LIMIT_KV: namespace(env.RATE_LIMIT_KV as object, () => {}),
      CACHE_KV: namespace(env.CACHE_KV as object, () => {}),
      DB: database(env.DB as object),
    };
    const wished = new Set(request.headers.get('x-circumstances')?.split(' '));
    const given = wished.has('kv-unbound') ? { ...bindings, AUTH_SESSION_KV: undefined, CACHE_KV: undefined } : bindings;
    const here: Circumstances = { wished, statements: 0, sessionReads: 0 };
    const response = await circumstances.run(here, () => app.fetch(request, given, ctx));
    const answer = new Response(response.body, response);
    answer.headers.set('x-d1-statements', String(here.statements));
    answer.headers.set('x-session-reads', String(here.sessionReads));
    return answer;
  },
};

function of(): Circumstances {
  return circumstances.getStore() ?? { wished: new Set(), statements: 0, sessionReads: 0 };
}

/** A namespace that fails as KV does, or never answers, while that is wished. */
function namespace(kv: object, onRead: () => void): object {
  return observed(kv, (operation, perform) => {
    if (operation.startsWith('get')) onRead();
    if (of().wished.has('kv-silent')) return new Promise(() => {});
    if (!of().wished.has('kv-down')) return perform();
    return Promise.reject(new Error(`KV ${operation === 'put' ? 'PUT' : 'GET'} failed: 500 Internal Server Error`));
  });
}

/** A database that counts what it is asked, and throws while that is wished: at everything, or where a row would be added. */
function database(db: object): object {
  return observed(db, (operation, perform, [sql]) => {
    if (of().wished.has('d1-down')) throw new Error('D1_ERROR: Network connection lost.');
    if (of().wished.has('d1-full') && /^insert/i.test(String(sql))) throw new Error('D1_ERROR: Exceeded maximum DB size.');
    if (operation === 'prepare') of().statements += 1;
    return perform();
  });
}

function observed(binding: object, around: (operation: string, perform: () => unknown, args: unknown[]) => unknown): object {
  return new Proxy(binding, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => around(String(name), () => Reflect.apply(member, target, args), args);
    },
  });
}
