import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import app from '../../workers/api/src/index.ts';
import type { Env } from '../../workers/api/src/env.ts';
import type { Served } from '../../workers/api/src/http/served.ts';
import { hashSessionToken, newSessionToken } from '../../workers/api/src/auth/session-token.ts';
import { insertSession } from '../../workers/api/src/auth/sessions-table.ts';

export const ORIGIN = 'http://localhost:8787';

export const OLIVE = { id: 'user-olive', email: 'olive@codex.example', password: 'demo-owner' };
export const CLEO = { id: 'user-cleo', email: 'cleo@codex.example', password: 'demo-creator' };
export const CORY = { id: 'user-cory', email: 'cory@codex.example', password: 'demo-customer' };

export interface Answer {
  status: number;
  headers: Headers;
  /** The body without `served`. */
  body: Record<string, unknown>;
  served: Served;
  /** What the answer's Set-Cookie says, by name: the value, '' when it is cleared. */
  cookies: Record<string, string>;
}

export interface Call {
  body?: unknown;
  /** A session token. */
  token?: string;
  cookie?: string;
  address?: string;
  headers?: Record<string, string>;
}

/** Makes a request as the page makes it: from its own origin, for a write. `path` may name another host. */
export function request(method: string, path: string, { body, token, cookie, address, headers }: Call = {}): Request {
  const init: RequestInit = { method, headers: { 'CF-Connecting-IP': address ?? freshAddress() }, redirect: 'manual' };
  const all = new Headers(init.headers);
  if (method !== 'GET') all.set('Origin', ORIGIN);
  if (token !== undefined) all.set('Cookie', `codex-session=${token}`);
  if (cookie !== undefined) all.set('Cookie', cookie);
  if (body !== undefined) all.set('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === '') all.delete(name);
    else all.set(name, value);
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Request(new URL(path, ORIGIN), { ...init, headers: all, ...(body === undefined ? {} : { body: text }) });
}

/** Asks the worker over HTTP. */
export async function call(method: string, path: string, options: Call = {}): Promise<Answer> {
  return read(await exports.default.fetch(request(method, path, options)));
}

/** Asks the worker with bindings other than its own, and waits for what it left to `waitUntil`. */
export async function callWith(bindings: Partial<Env>, method: string, path: string, options: Call = {}): Promise<Answer> {
  const context = createExecutionContext();
  const response = await app.fetch(request(method, path, options), { ...env, ...bindings }, context);
  const answer = await read(response);
  await waitOnExecutionContext(context);
  return answer;
}

/** Signs in over HTTP and returns the session token. */
export async function signIn(user: { email: string; password: string }): Promise<string> {
  const { cookies } = await call('POST', '/auth/login', { body: { email: user.email, password: user.password } });
  return cookies['codex-session'] ?? '';
}

/** Puts a session into D1 alone, so that no cache has heard of it. */
export async function storeSession(userId: string, lifetimeMs = 3_600_000): Promise<string> {
  const token = newSessionToken();
  const createdAt = Date.now();
  const session = {
    id: crypto.randomUUID(),
    tokenHash: await hashSessionToken(token),
    userId,
    createdAt,
    expiresAt: createdAt + lifetimeMs,
    userAgent: null,
  };
  const owner = env.DB.prepare('SELECT password_hash FROM users WHERE id = ?1').bind(userId);
  await insertSession(env.DB, session, (await owner.first<string>('password_hash')) ?? '');
  return token;
}

let addresses = 0;

/** An address of a network that nobody has used before: a limit of its own. */
export function freshAddress(): string {
  addresses += 1;
  return `2001:db8:${addresses.toString(16)}::1`;
}

async function read(response: Response): Promise<Answer> {
  const { served, ...body } = (await response.json()) as Record<string, unknown> & { served: Served };
  const cookies: Record<string, string> = {};
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) cookies[name] = value;
  }
  return { status: response.status, headers: response.headers, body, served, cookies };
}
