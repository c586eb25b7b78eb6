import type { Kind, Member } from './binding.ts';

/** What a type of Cloudflare's is bound by. Anything else is a plain value, or a worker's own interface of another. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  KVNamespace: ['kv'],
  D1Database: ['d1'],
  R2Bucket: ['r2'],
  Queue: ['queue'],
  DurableObjectNamespace: ['object'],
  Fetcher: ['service', 'assets'],
  Service: ['service'],
  SendEmail: ['email'],
  AnalyticsEngineDataset: ['dataset'],
  string: ['value'],
  number: ['value'],
  boolean: ['value'],
};

/** Reads the members of the type of a worker's bindings: `interface Env { ... }`, or the `env: { ... }` of SvelteKit's `Platform`. */
export function membersOf(source: string): Member[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const opening = /\binterface\s+Env\b[^{]*\{|\benv\s*:\s*\{/.exec(code);
  if (opening === null) throw new Error('no type of the bindings: neither `interface Env` nor `env: {`');
  const body = untilClosed(code.slice(opening.index + opening[0].length));
  const members = Array.from(body.matchAll(/^\s*(\w+)(\??)\s*:\s*([^;]+);/gm), ([, name = '', optional, type = '']) => ({
    name,
    optional: optional === '?',
    kinds: KINDS[/^\w+/.exec(type)?.[0] ?? ''] ?? (['service', 'value'] as const),
  }));
  if (members.length === 0) throw new Error('the type of the bindings has no members');
  return members;
}

/** Up to the brace that closes what has been opened. */
function untilClosed(text: string): string {
  let depth = 1;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return text.slice(0, at);
  }
  throw new Error('the type of the bindings is not closed');
}
