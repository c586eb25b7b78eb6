import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { programs } from './snippets.ts';

/** Makes the READMEs' programs importable as `readme:<name>`, and their names as `readme:names`. */
export function readmeSnippets(): Plugin {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const file = /[\\/]readme-snippet-([\w-]+)\.ts$/;
  return {
    name: 'readme-snippets',
    enforce: 'pre',
    resolveId(id) {
      return id.startsWith('readme:') ? `${folder}readme-snippet-${id.slice('readme:'.length)}.ts` : undefined;
    },
    load(id) {
      const name = file.exec(id)?.[1];
      if (name === undefined) return undefined;
      return name === 'names' ? `export default ${JSON.stringify([...programs().keys()])};` : programs().get(name);
    },
  };
}
