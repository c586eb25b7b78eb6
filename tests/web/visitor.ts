import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** The secret of the application's wrangler.toml, on a developer's machine. */
const SECRET = 'known to everybody, and for local use only';

const PATIENCE = 50;

/** The cookie that better-auth makes of a token. */
export function signedCookie(token: string, secret = SECRET): string {
  const signature = createHmac('sha256', secret).update(token).digest('base64');
  return `codex-session=${encodeURIComponent(`${token}.${signature}`)}`;
}

/** What `x-circumstances` may say, and what an answer cost. */
export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
  d1Statements: number;
  sessionReads: number;
}

/** Somebody with a browser: an address and a session cookie of their own. */
export class Visitor {
  readonly #site: string;
  readonly address: string;
  cookie: string | null = null;

  constructor(site: string) {
    this.#site = site;
    const network = crypto.randomUUID().replace(/^(.{4})(.{4}).*$/, '$1:$2');
    this.address = `2001:db8:${network}::1`;
  }

  get(path: string, circumstances = ''): Promise<Answer> {
    return this.#send(path, { method: 'GET' }, circumstances);
  }

  /** Sends a form, as a browser without scripts does. */
  post(path: string, fields: Record<string, string> = {}, circumstances = ''): Promise<Answer> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields) }, circumstances);
  }

  /** Makes an account, and is signed in then. */
  async signUp(name: string): Promise<Credentials> {
    const credentials = { email: `${name.toLowerCase()}-${crypto.randomUUID()}@codex.example`, password: 'a password to try' };
    const answer = await this.post('/login?/signUp', { name, ...credentials });
    if (answer.status !== 303) throw new Error(`sign-up was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return credentials;
  }

  /** Asks who is asking until the cache answers, which is filled after the first answer; then returns what it said. */
  async untilCached(): Promise<Answer> {
    for (let attempt = 0; attempt < PATIENCE; attempt++) {
      const answer = await this.get('/api/me');
      if (answer.status !== 200) throw new Error(`nobody is signed in: ${answer.status}`);
      if (answer.d1Statements === 0) return answer;
      await pause(100);
    }
    throw new Error('the cache never answered');
  }

  async #send(path: string, init: RequestInit, circumstances: string): Promise<Answer> {
    const headers = new Headers({
      'cf-connecting-ip': this.address,
      'x-circumstances': circumstances,
      origin: this.#site,
      accept: 'text/html',
    });
    if (this.cookie !== null) headers.set('cookie', this.cookie);
    const response = await fetch(this.#site + path, {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(30_000),
    });
    this.#keep(response.headers.getSetCookie());
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
      d1Statements: Number(response.headers.get('x-d1-statements')),
      sessionReads: Number(response.headers.get('x-session-reads')),
    };
  }

  #keep(setCookies: string[]): void {
    for (const setCookie of setCookies) {
      if (!setCookie.startsWith('codex-session=')) continue;
      this.cookie = /max-age=0|=;/i.test(setCookie) ? null : (setCookie.split(';', 1)[0] ?? null);
    }
  }
}

export interface Credentials {
  email: string;
  password: string;
}
