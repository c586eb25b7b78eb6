import { readFile } from 'node:fs/promises';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Project, filesIn } from './project.ts';

describe('the installed package', () => {
  let project: Project;
  let folder: string;

  beforeAll(async () => {
    project = await Project.empty();
    await project.install(inject('tarball'));
    folder = project.path('node_modules/@codex/cloudflare-clients');
  });
  afterAll(() => project?.remove());

  it('is what was built, its manifest and its README, and no source', async () => {
    const files = await filesIn(folder);
    expect(files.filter((file) => !file.startsWith('dist/'))).toEqual(['README.md', 'package.json']);
    expect(files.filter((file) => !/\.(?:js|d\.ts|wasm|md|json)$/.test(file))).toEqual([]);
    expect(files).toContain('dist/codex-core.wasm');
    const texts = await Promise.all(files.map((file) => readFile(`${folder}/${file}`, 'utf8')));
    expect(files.filter((_, index) => /sourceMappingURL|file:\/\//.test(texts[index] ?? ''))).toEqual([]);
  });

  it('brings no other package along', async () => {
    const installed = await project.npm('ls', '--all', '--parseable');
    expect(installed.stdout.trim().split('\n')).toHaveLength(2);
  });

  it('leaves publint nothing to say', async () => {
    const { messages } = await publint({ pkgDir: folder, pack: false, strict: true });
    expect(messages.map(({ code, path }) => `${code} ${path.join('.')}`)).toEqual([]);
  });

  it('has five entries, and what they export is the public interface and nothing else', async () => {
    const manifest = JSON.parse(await readFile(`${folder}/package.json`, 'utf8')) as { exports: object };
    expect(Object.keys(manifest.exports)).toEqual(['.', './durable-objects', './better-auth', './hono', './sveltekit']);
    const script = "process.stdout.write(JSON.stringify(Object.keys(await import('@codex/cloudflare-clients')).sort()))";
    const ran = await project.node('--input-type=module', '--eval', script);
    expect(ran.output).toBe(
      JSON.stringify([
        'CACHE_TTL',
        'CacheClient',
        'KVClientError',
        'RATE_LIMITS',
        'RateLimiterClient',
        'SessionCacheClient',
        'cacheKeys',
        'clientAddress',
        'monitored',
        'normalizeAddress',
        'rateLimitHeaders',
        'stats',
        'tooManyRequests',
      ]),
    );
  });

  it('can be imported whole in Node, where no Durable Object can be made', async () => {
    const script = `
      const objects = await import('@codex/cloudflare-clients/durable-objects');
      console.log(Object.keys(objects).join());
      for (const Class of Object.values(objects)) {
        try { new Class(); } catch ({ code, message }) { console.log(code, message); }
      }`;
    const ran = await project.node('--input-type=module', '--eval', script);
    expect(ran.output).toMatch(
      /^AuthCounters,RateLimitAuthority,SessionRegistry\n(?:not-supported Durable Objects run in Workers only.*wrangler.*\n){3}$/,
    );
  });

  it('lets nobody reach the inside', async () => {
    const ran = await project.node('--input-type=module', '--eval', "await import('@codex/cloudflare-clients/dist/core.js')");
    expect(ran.output).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has no hooks for tests in the core', async () => {
    const declarations = await readFile(`${folder}/dist/codex-core.d.ts`, 'utf8');
    const exported = Array.from(declarations.matchAll(/^ {2}(\w+)\(/gm), ([, name = '']) => name);
    expect(exported).toContain('checkLimit');
    expect(exported.filter((name) => /test|trap|abort|crash|debug|fake|inject/i.test(name))).toEqual([]);
  });
});
