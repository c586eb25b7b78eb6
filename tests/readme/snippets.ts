import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const READMES = ['README.md', 'js-shim/README.md'] as const;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block: ```` ```language name ````. */
export interface Snippet {
  readme: string;
  language: string;
  name: string;
  code: string;
}

/** Every fenced block of the READMEs, in order. */
export function snippets(language: RegExp): Snippet[] {
  return READMES.flatMap((readme) =>
    Array.from(
      readFileSync(join(ROOT, readme), 'utf8').matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm),
      ([, found = '', name = '', code = '']) => ({ readme, language: found, name, code }),
    ),
  ).filter((snippet) => language.test(snippet.language));
}

/** The TypeScript and JavaScript blocks by name. */
export function programs(): Map<string, string> {
  return new Map(snippets(/^(?:ts|js|typescript|javascript|tsx|jsx)$/).map(({ name, code }) => [name, code]));
}
