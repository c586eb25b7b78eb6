import { exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ORIGIN, call } from './api.ts';

const get = (path: string): Promise<Response> => exports.default.fetch(new Request(`${ORIGIN}${path}`));

describe('GET /', () => {
  it('is the page', async () => {
    const response = await get('/');
    expect({ status: response.status, type: response.headers.get('Content-Type') }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
    });
    expect(await response.text()).toContain('<title>Codex</title>');
  });

  it('has every file it names, and no script or style in itself', async () => {
    const html = await (await get('/')).text();
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(files).toContain('/page/main.js');
    expect(await Promise.all(files.map(async (path) => (await get(path)).status))).toEqual(files.map(() => 200));
    expect(html).not.toMatch(/<style|style="|\son\w+="|<script(?![^>]*\ssrc=)/);
  });

  it('has modules that name only modules there are', async () => {
    const seen = new Set(['/page/main.js']);
    for (const path of seen) {
      const response = await get(path);
      expect([path, response.status, response.headers.get('Content-Type')]).toEqual([
        path,
        200,
        expect.stringMatching(/^text\/javascript/),
      ]);
      for (const [, name] of (await response.text()).matchAll(/^import .* from '\.\/([\w-]+\.js)'/gm))
        seen.add(`/page/${name}`);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe('every answer', () => {
  it.each(['/', '/page/main.js', '/page/page.css', '/categories', '/auth/me', '/nowhere', '/content'])(
    'carries the security headers: %s',
    async (path) => {
      const { headers } = await get(path);
      const policy = headers.get('Content-Security-Policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      expect(headers.get('Referrer-Policy')).toBe('same-origin');
      expect(headers.get('X-Frame-Options')).toBe('DENY');
      expect(headers.get('Access-Control-Allow-Origin')).toBeNull();
    },
  );

  it.each(['/nowhere', '/page/nothing.js', '/index.htm', '/auth', '/auth/login', '/content/walking-maps', '/wrangler.toml'])(
    'to an unknown address is a problem: GET %s',
    async (path) => {
      const { status, body, headers } = await call('GET', path);
      expect({ status, type: body.type }).toEqual({ status: 404, type: 'urn:codex:problem:not-found' });
      expect(headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
    },
  );

  it.each(['PUT', 'PATCH', 'DELETE'])('to an unknown method is a problem: %s', async (method) => {
    expect((await call(method, '/content/featured')).status).toBe(404);
  });

  it('says in its headers what its body says of where it came from', async () => {
    const { headers, served } = await call('GET', '/content?category=essays');
    expect(headers.get('X-Served-By')).toBe(
      `${served.from}; kv-reads=${served.kvReads}; kv-writes=${served.kvWrites}; d1-queries=${served.d1Queries}`,
    );
    expect(headers.get('Server-Timing')?.split(', ')).toHaveLength(served.steps.length);
  });
});
