import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { suites } from '../../scripts/suites.mjs';
import { Project, ROOT, type Ran, SHIM } from './project.ts';
import { READMES, programs, snippets } from '../readme/snippets.ts';

// What their programs do is shown in tests/readme.
describe('the READMEs', () => {
  let project: Project;
  let texts: string[];
  const helps = new Map<string, Promise<Ran>>();
  let scripts: Record<string, Record<string, string>>;

  beforeAll(async () => {
    project = await Project.empty();
    texts = await Promise.all(READMES.map((file) => readFile(join(ROOT, file), 'utf8')));
    const manifests = ['package.json', 'workers/api/package.json'].map(async (file) => {
      const { name, scripts } = JSON.parse(await readFile(join(ROOT, file), 'utf8')) as ScriptsOf;
      return [name, scripts] as const;
    });
    scripts = Object.fromEntries(await Promise.all(manifests));
  });
  afterAll(() => project?.remove());

  interface ScriptsOf {
    name: string;
    scripts: Record<string, string>;
  }

  it('have no block that nothing checks', () => {
    const others = snippets(/./).filter(({ language, name }) => !(language === 'ts' && name !== '') && language !== 'bash');
    expect(others).toEqual([]);
    expect(snippets(/^$/)).toEqual([]);
  });

  it('show the same program under the same name', () => {
    const all = snippets(/^ts$/);
    expect(all.filter(({ name, code }) => programs().get(name) !== code)).toEqual([]);
  });

  it('show programs that type-check strictly against the packed package', async () => {
    await project.install(inject('tarball'));
    await project.link('@cloudflare/workers-types', join(ROOT, 'node_modules/@cloudflare/workers-types'));
    const declarations = await readFile(join(ROOT, 'tests/readme/env.d.ts'), 'utf8');
    await project.write({ 'env.d.ts': declarations.slice(0, declarations.indexOf('declare namespace')) });
    for (const [name, code] of programs()) await project.write({ [`${name}.ts`]: code });
    await project.write({
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: true,
          noUnusedLocals: true,
          noUnusedParameters: true,
          noEmit: true,
          module: 'esnext',
          moduleResolution: 'bundler',
          target: 'es2024',
          lib: ['es2024'],
          types: ['@cloudflare/workers-types'],
        },
        include: ['*.ts'],
      }),
    });
    expect((await project.tool('tsc', '-p', '.', '--pretty', 'false')).output).toBe('');
  });

  it('name commands that exist', async () => {
    const lines = snippets(/^bash$/).flatMap(({ code }) => code.trim().split('\n'));
    const wrong = await Promise.all(lines.map(async (line) => ((await exists(line)) ? [] : [line])));
    expect(wrong.flat()).toEqual([]);
  });

  it('would notice a command that does not exist', async () => {
    const invented = [
      'npm run buidl',
      'npm test -- everything',
      'npx wrangler kv:namespace create X',
      'npx wrangler dev --kv X',
    ];
    expect(await Promise.all(invented.map(exists))).toEqual(invented.map(() => false));
  });

  it('and docs/running.md name wrangler commands that exist', async () => {
    const text = await readFile(join(ROOT, 'docs/running.md'), 'utf8');
    const lines = Array.from(text.matchAll(/^ *(npx .*)$/gm), ([, line = '']) => line);
    expect(lines.length).toBeGreaterThan(15);
    const wrong = await Promise.all(lines.map(async (line) => ((await exists(line)) ? [] : [line])));
    expect(wrong.flat()).toEqual([]);
  }, 300_000);

  it('explain every error code, option and export', async () => {
    const declared = await readFile(join(SHIM, 'dist/errors.d.ts'), 'utf8');
    const codes = Array.from(
      (/type ErrorCode =([^;]*);/.exec(declared)?.[1] ?? '').matchAll(/'([\w-]+)'/g),
      ([, code]) => code,
    );
    expect(codes).toHaveLength(9);
    for (const text of texts) expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);

    const options = await Promise.all(
      ['options', 'rate-limiter', 'session-options', 'cache', 'cache-options', 'client-address', 'auth-storage'].map((file) =>
        readFile(join(SHIM, `dist/${file}.d.ts`), 'utf8'),
      ),
    );
    const optional = options
      .flatMap((text) => Array.from(text.matchAll(/interface \w+Options[^{]*\{([\s\S]*?)^\}/gm), ([, body = '']) => body))
      .flatMap((body) => Array.from(body.matchAll(/^ {4}(\w+)\?:/gm), ([, name]) => name));
    expect(optional).toEqual(
      expect.arrayContaining(['storeTimeoutMs', 'hashTokens', 'namespace', 'earlyRefresh', 'ipv6Prefix']),
    );
    expect(optional.filter((name) => !texts[0]?.includes(`\`${name}\``))).toEqual([]);

    const index = await readFile(join(SHIM, 'src/index.ts'), 'utf8');
    const values = Array.from(index.matchAll(/^export \{([^}]*)\}/gm), ([, list = '']) => list.split(','))
      .flat()
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '));
    expect(values).toContain('SessionCacheClient');
    for (const text of texts) expect(values.filter((name) => !text.includes(`\`${name}`))).toEqual([]);
  });

  it('link to files that are there', async () => {
    const links = Array.from((texts[0] ?? '').matchAll(/\]\((?!https?:)([^)#]+)\)/g), ([, target = '']) => target);
    expect(links).toContain('docs/page.png');
    for (const target of links) await expect(readFile(join(ROOT, target))).resolves.not.toHaveLength(0);
  });

  /** Whether a command of the READMEs is one: a script, a suite, a package of ours, or a wrangler command with these flags. */
  async function exists(line: string): Promise<boolean> {
    const words: string[] = line.match(/'[^']*'|\S+/g) ?? [];
    const [tool, command = ''] = words;
    if (tool === 'npx') return isWrangler(words.slice(1));
    if (tool !== 'npm') return false;
    if (command === 'install') return words[2] === '@codex/cloudflare-clients';
    const script = command === 'run' ? (words[2] ?? '') : command;
    const workspace = words.includes('-w') ? (words[words.indexOf('-w') + 1] ?? '') : 'codex-cloudflare';
    if (command === 'pack') return workspace === '@codex/cloudflare-clients';
    if (scripts[workspace]?.[script] === undefined) return false;
    const after = words.includes('--') ? words.slice(words.indexOf('--') + 1) : [];
    return script !== 'test' || after.every((name) => suites.some((suite) => suite.name === name));
  }

  async function isWrangler([tool, ...words]: string[]): Promise<boolean> {
    const firstFlag = words.findIndex((word) => word.startsWith('--'));
    const path = words.slice(0, firstFlag < 0 ? words.length : firstFlag).filter((word) => /^[a-z\d:-]+$/.test(word));
    // The last lower-case words are the command's own arguments: `d1 create codex-staging`.
    for (let length = path.length; length > 0; length--) {
      const { code, output } = await helpOf(path.slice(0, length));
      if (code !== 0 || !output.startsWith(`wrangler ${path.slice(0, length).join(' ')}`)) continue;
      const flags = words.filter((word) => word.startsWith('--'));
      const takesArguments = path.length === length || /^wrangler [^\n]*[<[]/.test(output);
      return tool === 'wrangler' && takesArguments && flags.every((flag) => new RegExp(`${flag}\\b`).test(output));
    }
    return false;
  }

  function helpOf(command: string[]): Promise<Ran> {
    const name = command.join(' ');
    const known = helps.get(name) ?? project.tool('wrangler', ...command, '--help');
    helps.set(name, known);
    return known;
  }
});
