import * as SessionField from './codex-core.session-field.js';
import type { Instance } from './instance.js';

/** No date, role or token that could be right is longer; of what is, the core sees so much and finds it wanting. */
const SHORT_UNITS = 600;

/** What the core asks of a session record: which fields have their type, and the texts its rules need. */
export interface SessionFacts {
  wellTyped: number;
  /** For the index alone: the core is told of it as it is written there. */
  id: string;
  token: string;
  sessionUserId: string;
  userId: string;
  expiresAt: string;
  role: string;
}

/** When a copy was made, as its metadata says it: `wasm/session/session-record.h`. NaN where it says nothing. */
export interface SessionStamps {
  l: number;
  o: number;
  t: number;
}

export const NO_STAMPS: SessionStamps = { l: Number.NaN, o: Number.NaN, t: Number.NaN };

/** Reads the stamps out of metadata, whatever it is. Throws what its getters throw. */
export function stampsOf(metadata: unknown): SessionStamps {
  if (typeof metadata !== 'object' || metadata === null) return NO_STAMPS;
  const { l, o, t } = metadata as Record<string, unknown>;
  return { l: stamp(l), o: stamp(o), t: stamp(t) };
}

function stamp(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** Gives a session that was stored without its token the one that it was found by. */
export function giveToken(record: unknown, token: string): void {
  const session = fieldsOf(fieldsOf(record)['session']) as Record<string, unknown>;
  if (session !== NO_FIELDS && session['token'] === undefined) session['token'] = token;
}

/** The same, once the texts are written: their lengths. */
export type WrittenFacts = { [Fact in Exclude<keyof SessionFacts, 'id'>]: number };

/** Those of a record that the core knows. */
export const NO_TEXTS: WrittenFacts = { wellTyped: 0, token: 0, sessionUserId: 0, userId: 0, expiresAt: 0, role: 0 };

/** Reads the facts of a record. Whatever the record is will do, but for getters that throw. */
export function sessionFactsOf(record: unknown): SessionFacts {
  const session = fieldsOf(fieldsOf(record)['session']);
  const user = fieldsOf(fieldsOf(record)['user']);
  const expiresAt = isoDate(session['expiresAt']);
  const bit = (field: number, is: boolean): number => (is ? 1 << field : 0);
  return {
    wellTyped:
      bit(SessionField.SessionId, isString(session['id'])) |
      bit(SessionField.SessionUserId, isString(session['userId'])) |
      bit(SessionField.SessionToken, isString(session['token'])) |
      bit(SessionField.SessionExpiresAt, isString(expiresAt)) |
      bit(SessionField.UserId, isString(user['id'])) |
      bit(SessionField.UserEmail, isString(user['email'])) |
      bit(SessionField.UserName, isString(user['name'])) |
      bit(SessionField.UserRole, isString(user['role'])) |
      bit(SessionField.UserEmailVerified, typeof user['emailVerified'] === 'boolean') |
      bit(SessionField.IpAddress, isStringOrNothing(session['ipAddress'])) |
      bit(SessionField.UserAgent, isStringOrNothing(session['userAgent'])),
    id: text(session['id']),
    token: text(session['token']),
    sessionUserId: text(session['userId']),
    userId: text(user['id']),
    expiresAt: text(expiresAt),
    role: text(user['role']),
  };
}

/** Writes the texts in the order in which the core reads them. */
export function writeSessionFacts(instance: Instance, facts: SessionFacts): WrittenFacts {
  return {
    wellTyped: facts.wellTyped,
    token: instance.writeHead(facts.token, SHORT_UNITS),
    sessionUserId: instance.write(facts.sessionUserId),
    userId: instance.write(facts.userId),
    expiresAt: instance.writeHead(facts.expiresAt, SHORT_UNITS),
    role: instance.writeHead(facts.role, SHORT_UNITS),
  };
}

const NO_FIELDS: Readonly<Record<string, unknown>> = {};

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : NO_FIELDS;
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isStringOrNothing(value: unknown): boolean {
  return typeof value === 'string' || value === null || value === undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The text that `JSON.stringify` makes of a date; anything else as it is. */
function isoDate(value: unknown): unknown {
  return value instanceof Date ? value.toJSON() : value;
}
