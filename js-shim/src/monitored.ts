import { bindingOf, wraps } from './binding.js';
import type { ErrorCode } from './errors.js';
import { KVClientError } from './errors.js';
import { checkFunction, checkStore } from './options.js';
import { failureOf, type KVLike } from './store.js';

/** One operation on a monitored binding. It never holds a key or a value. */
export interface KVOperation {
  /** The method that was called. */
  operation: 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list';
  /** What the binding was called when it was wrapped. */
  name: string;
  /** From the call to the answer. */
  durationMs: number;
  /** Keys named: one, of a bulk read all of them, of a list none. */
  keys: number;
  /** Of a read: how many of them were there. */
  hits?: number;
  /** What it failed with, if it did. */
  errorCode?: ErrorCode;
}

type Operation = KVOperation['operation'];
type Method = (...args: unknown[]) => unknown;

/** A wrapper of a binding, and who is told. */
interface Monitor {
  readonly wrapper: KVLike;
  tell: (operation: KVOperation) => void;
}

const OPERATIONS: ReadonlySet<PropertyKey> = new Set<Operation>(['get', 'getWithMetadata', 'put', 'delete', 'list']);

const monitors = new WeakMap<object, Map<string, Monitor>>();

/**
 * Wraps a KV binding so that each operation on it is told to `onOperation`, or else logged as
 * `KV.get(sessions): 3ms, hit=true`. Neither holds a key or a value, which may be tokens.
 *
 * ```ts
 * const sessions = new SessionCacheClient(monitored(env.AUTH_SESSION_KV, 'sessions'));
 * ```
 *
 * The wrapper does what the binding does, with all of its methods, and counts as the binding itself: clients of either
 * share what the isolate remembers. The same binding and name give the same wrapper; it has one listener, the one that was named
 * last. What a listener throws is ignored.
 *
 * Throws `invalid-config` for what is no binding, no name or no function. Costs no operation.
 */
export function monitored<KV extends KVLike>(kv: KV, name: string, onOperation?: (operation: KVOperation) => void): KV {
  checkStore(kv, 'monitored');
  checkFunction(onOperation, 'onOperation');
  if (typeof name !== 'string') throw new KVClientError('invalid-config', 'the name of a monitored binding must be a string');
  const ofBinding = monitors.get(kv) ?? new Map<string, Monitor>();
  monitors.set(kv, ofBinding);
  const monitor = ofBinding.get(name) ?? monitorOf(kv, name);
  ofBinding.set(name, monitor);
  if (onOperation !== undefined) monitor.tell = onOperation;
  return monitor.wrapper as KV;
}

function monitorOf(kv: KVLike, name: string): Monitor {
  const methods = new Map<PropertyKey, { of: unknown; method: Method }>();
  const monitor: Monitor = {
    // Around an object that inherits from the binding: what a frozen binding has could not be shown otherwise.
    wrapper: new Proxy(Object.create(kv) as KVLike, {
      get(_, property) {
        const value: unknown = Reflect.get(kv, property);
        if (typeof value !== 'function') return value;
        const known = methods.get(property);
        if (known?.of === value) return known.method;
        // A binding's methods work on the binding alone.
        const bound: Method = (...args) => Reflect.apply(value, kv, args);
        const method = OPERATIONS.has(property) ? watched(bound, property as Operation, name, monitor) : bound;
        methods.set(property, { of: value, method });
        return method;
      },
    }),
    tell: log,
  };
  wraps(monitor.wrapper, bindingOf(kv));
  return monitor;
}

function watched(method: Method, operation: Operation, name: string, monitor: Monitor): Method {
  return async (...args) => {
    const began = Date.now();
    const keys = operation === 'list' ? 0 : Array.isArray(args[0]) ? args[0].length : 1;
    const report = (more: Pick<KVOperation, 'hits' | 'errorCode'>): void => {
      tell(monitor, { operation, name, durationMs: Math.max(0, Date.now() - began), keys, ...more });
    };
    try {
      const found = await method(...args);
      report(operation === 'get' || operation === 'getWithMetadata' ? { hits: hitsIn(found, operation) } : {});
      return found;
    } catch (error) {
      report({ errorCode: failureOf(error) });
      throw error;
    }
  };
}

/** How many of the keys that were read were there: 0, '' and false are values. */
function hitsIn(found: unknown, operation: Operation): number {
  const isThere = (one: unknown): boolean => {
    const value = operation === 'get' ? one : (one as { value?: unknown } | null | undefined)?.value;
    return value !== null && value !== undefined;
  };
  return (found instanceof Map ? [...found.values()] : [found]).filter(isThere).length;
}

function tell(monitor: Monitor, operation: KVOperation): void {
  try {
    const told: unknown = monitor.tell(operation);
    if (told instanceof Promise) told.catch(() => {});
  } catch {
    // A listener must not be why a request fails.
  }
}

function log({ operation, name, durationMs, keys, hits, errorCode }: KVOperation): void {
  const hit = hits === undefined ? '' : keys === 1 ? `, hit=${hits === 1}` : `, hits=${hits}/${keys}`;
  const failed = errorCode === undefined ? '' : `, failed=${errorCode}`;
  console.log(`KV.${operation}(${name}): ${durationMs}ms${hit}${failed}`);
}
