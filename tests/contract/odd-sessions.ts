type Fields = Record<string, unknown>;
export interface SessionRecord {
  session: Fields;
  user: Fields;
}

/** Stored under a token, none of these is a session. `record` is a sound one, to be spoilt. */
export const ODD_SESSIONS: readonly [name: string, text: (record: SessionRecord) => string][] = [
  ['nothing at all', () => ''],
  ['the word undefined', () => 'undefined'],
  ['a text', () => '"hello"'],
  ['a number', () => '5'],
  ['null', () => 'null'],
  ['true', () => 'true'],
  ['a list', () => '[]'],
  ['an empty object', () => '{}'],
  ['half a record', (record) => JSON.stringify(record).slice(0, -5)],
  ['a deep nest', () => '['.repeat(100_000)],
  ['a record as a text', (record) => JSON.stringify(JSON.stringify(record))],
  ['a session that is a list', (record) => JSON.stringify({ ...record, session: [] })],
  ['a session that is a text', (record) => JSON.stringify({ ...record, session: 'session' })],
  ['a session that is null', (record) => JSON.stringify({ ...record, session: null })],
  ['no user', ({ session }) => JSON.stringify({ session })],
  ['a user that is null', (record) => JSON.stringify({ ...record, user: null })],
  ['the session one level too deep', ({ session, user }) => JSON.stringify({ session: { session, user }, user })],
  [
    'a session whose fields are its prototype’s',
    ({ session, user }) => `{"session":{"__proto__":${JSON.stringify(session)}},"user":${JSON.stringify(user)}}`,
  ],
  ...spoiltFields('session', {
    id: [undefined, null, 5],
    userId: [undefined, '', 5, 'someone else'],
    token: [undefined, '', 5, 'another token', ['token']],
    expiresAt: [undefined, null, 5, '', 'tomorrow', 4e12, {}, ['2100-01-01T00:00:00Z']],
    ipAddress: [5, {}],
    userAgent: [true, []],
  }),
  ...spoiltFields('user', {
    id: [undefined, '', 5, 'someone else'],
    email: [undefined, 5],
    name: [undefined, {}],
    role: [undefined, 'admin', '', 5, 'Customer'],
    emailVerified: [undefined, 'true', 1],
  }),
];

function spoiltFields(
  part: 'session' | 'user',
  values: Record<string, unknown[]>,
): [string, (record: SessionRecord) => string][] {
  return Object.entries(values).flatMap(([field, spoilt]) =>
    spoilt.map((value): [string, (record: SessionRecord) => string] => [
      `${part}.${field} ${value === undefined ? 'missing' : `being ${JSON.stringify(value)}`}`,
      (record) => JSON.stringify({ ...record, [part]: { ...record[part], [field]: value } }),
    ]),
  );
}
