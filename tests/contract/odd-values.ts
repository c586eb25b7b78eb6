const fail = (): never => {
  throw new Error('an odd value was looked into');
};

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** A getter that answers once and throws from then on. */
function fickle(): unknown {
  let asked = 0;
  return {
    get session(): unknown {
      return asked++ === 0 ? {} : fail();
    },
  };
}

/** What callers, stores and loaders may hand over without having meant to, by name. Made anew each time. */
export const ODD_VALUES: readonly [name: string, make: () => unknown][] = [
  ...[0, -0, 1, -1, 0.5, 59, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, -1e308, 5e-324].map(named),
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 10n, true, false, null, undefined].map(named),
  ...['', ' ', '.', '..', '0', '60', 'NaN', '__proto__', 'constructor', 'toString', 'session:', '%:', 'null'].map(named),
  ['NUL', () => '\u0000'],
  ['half a surrogate pair', () => '\ud800'],
  ['the other half', () => 'a\udc00'],
  ['halves in the wrong order', () => '\udc00\ud800'],
  ['U+FFFD', () => '\ufffd'],
  ['128 emoji', () => '\u{1f511}'.repeat(128)],
  ['129 emoji', () => '\u{1f511}'.repeat(129)],
  ['an emoji across the 512th byte', () => `${'x'.repeat(510)}\u{1f511}`],
  ['half a pair at the 512th byte', () => `${'x'.repeat(511)}\ud83d`],
  ['a long text of halves', () => '\ud83d'.repeat(5000)],
  ['a text cut inside a pair', () => `${'x'.repeat(2047)}\u{1f511}${'x'.repeat(2048)}`],
  ['ten million characters', () => 'x'.repeat(10_000_000)],
  ['half a million emoji', () => '\u{1f511}'.repeat(500_000)],
  ['an empty object', () => ({})],
  ['an object without a prototype', () => Object.create(null) as unknown],
  ['an object with __proto__ of its own', () => JSON.parse('{"__proto__":{"session":1}}') as unknown],
  ['a getter that throws', () => Object.defineProperty({}, 'session', { get: fail, enumerable: true })],
  ['a getter that throws the second time', fickle],
  ['toJSON that throws', () => ({ toJSON: fail })],
  ['toJSON that gives undefined', () => ({ toJSON: () => undefined })],
  ['toString that throws', () => ({ toString: fail, valueOf: fail, [Symbol.toPrimitive]: fail })],
  ['a cycle', cyclic],
  ['a list with a hole', () => Object.assign(new Array<unknown>(3), { 0: 1, 2: 'two' })],
  ['an empty list', () => []],
  ['a list of lists', () => [['k'], []]],
  ['a deep list', () => JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['a Date', () => new Date(0)],
  ['a Map', () => new Map([['a', 1]])],
  ['bytes', () => new Uint8Array(8)],
  ['a regular expression', () => /x/g],
  ['an Error', () => new Error('an odd value')],
  ['a String object', () => new String('k')],
  ['a Number object', () => new Number(60)],
  ['a function', () => () => 1],
  ['a function that throws', () => fail],
  ['a class', () => class Odd {}],
  ['a symbol', () => Symbol('odd')],
];

/** Objects that throw when they are looked at in any way. What is thrown is the doing of whoever hands one over. */
export const HOSTILE_OBJECTS: readonly [name: string, make: () => unknown][] = [
  ['a proxy that refuses everything', () => new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail })],
  ['a revoked proxy', revoked],
];

function named(value: unknown): [string, () => unknown] {
  return [
    typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : `${typeof value} ${value}`,
    () => value,
  ];
}
