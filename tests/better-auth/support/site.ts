import { env } from 'cloudflare:workers';
import type { KVLike } from '@codex/cloudflare-clients';
import { type AuthStorageOptions, withKVStorage } from '@codex/cloudflare-clients/better-auth';
import { type BetterAuthOptions, betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { recording } from '../../worker/support/recording-store.ts';
import { counted } from './counted-d1.ts';

export const SECRET = 'c0f9a1d2-7b31-4e5e-9d6c-1f2a3b4c5d6e-8899';
const ORIGIN = 'https://codex.example';
export const PASSWORD = 'correct horse battery staple';

/** What an application tells better-auth, whatever it stores where. */
const BASE = {
  secret: SECRET,
  baseURL: ORIGIN,
  emailAndPassword: { enabled: true },
  session: { storeSessionInDatabase: true },
  user: {
    additionalFields: { role: { type: ['customer', 'owner', 'creator'], defaultValue: 'customer', input: false } },
  },
  advanced: { ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] } },
} satisfies BetterAuthOptions;

/** What a test changes of it. */
export interface SiteOptions {
  auth?: Partial<BetterAuthOptions>;
  storage?: Partial<AuthStorageOptions>;
  kv?: KVLike;
}

/** An application of better-auth on KV, D1 and an object, with a note of what it asks of KV and D1. */
export class Site {
  /** Links with a token that were mailed, newest last. */
  readonly mailed: string[] = [];
  readonly kv: ReturnType<typeof recording>;
  readonly d1: ReturnType<typeof counted> = counted(env.DB);
  readonly auth: ReturnType<Site['make']>;

  constructor({ auth = {}, storage = {}, kv = env.KV }: SiteOptions = {}) {
    this.kv = recording(kv);
    this.auth = this.make(auth, storage);
  }

  /** The site, on a database that has its tables. */
  static async open(options: SiteOptions = {}): Promise<Site> {
    const site = new Site(options);
    await (await getMigrations(site.auth.options)).runMigrations();
    site.forget();
    return site;
  }

  /** What was asked since: keys read, as KV bills them, keys written and deleted, and statements. */
  asked(): { reads: number; writes: number; deletes: number; statements: number } {
    const operations = this.kv.operations.splice(0);
    const count = (verb: string): number => operations.filter((operation) => operation.startsWith(`${verb} `)).length;
    return { reads: count('get'), writes: count('put'), deletes: count('delete'), statements: this.d1.asked().length };
  }

  forget(): void {
    this.asked();
  }

  private make(auth: Partial<BetterAuthOptions>, storage: Partial<AuthStorageOptions>) {
    const mail = async ({ token }: { token: string }): Promise<void> => void this.mailed.push(token);
    const emailAndPassword = { enabled: true, sendResetPassword: mail };
    const options = { ...BASE, emailAndPassword, database: this.d1.db, ...(auth as object) };
    return betterAuth(withKVStorage(options, { kv: this.kv, counters: env.AUTH_COUNTERS, ...storage }));
  }
}

/** Somebody's browser: it keeps cookies, and comes from an address. */
export class Browser {
  readonly #site: Site;
  readonly #cookies = new Map<string, string>();
  readonly address: string;

  constructor(site: Site, address = '203.0.113.7') {
    this.#site = site;
    this.address = address;
  }

  get headers(): Headers {
    const cookie = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join('; ');
    return new Headers({ Cookie: cookie, Origin: ORIGIN, 'CF-Connecting-IP': this.address });
  }

  /** The token of the session that it has, as the database knows it. */
  get token(): string {
    const [value = ''] = Array.from(this.#cookies.values()).filter((cookie) => cookie.includes('.'));
    return decodeURIComponent(value).split('.')[0] ?? '';
  }

  async post(path: string, body: object = {}): Promise<Response> {
    const headers = this.headers;
    headers.set('Content-Type', 'application/json');
    return this.#send(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Who better-auth says it is; null where it is signed out. */
  async whoAmI(): Promise<string | null> {
    const response = await this.#send('get-session', { headers: this.headers });
    const found = await response.json<{ user: { email: string } } | null>();
    return found?.user.email ?? null;
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#site.auth.handler(new Request(`${ORIGIN}/api/auth/${path}`, init));
    for (const set of response.headers.getSetCookie()) {
      const [pair = ''] = set.split(';');
      const [name = '', value = ''] = pair.split('=');
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

export const newEmail = (): string => `${crypto.randomUUID()}@example.com`;

/** Somebody who has signed up, in a browser of theirs. */
export async function signedUp(site: Site, email: string = newEmail()): Promise<{ browser: Browser; email: string }> {
  const browser = new Browser(site);
  const response = await browser.post('sign-up/email', { email, password: PASSWORD, name: 'Ada' });
  if (!response.ok) throw new Error(await response.text());
  return { browser, email };
}

/** The same person in another browser. */
export async function signedIn(site: Site, email: string): Promise<Browser> {
  const browser = new Browser(site);
  const response = await browser.post('sign-in/email', { email, password: PASSWORD });
  if (!response.ok) throw new Error(await response.text());
  return browser;
}
