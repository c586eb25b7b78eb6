import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundled } from './local-runtime.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundled('./each-client.ts');
});
afterAll(() => bundle.dispose());

async function usedAt(date: string): Promise<unknown> {
  const runtime = bundle.at(date);
  try {
    return await (await runtime.dispatchFetch('http://localhost/')).json();
  } finally {
    await runtime.dispose();
  }
}

describe('a compatibility date', () => {
  it.each(['2024-01-01', '2025-05-05', '2025-05-31'])('of %s is reported at first use, by name', async (date) => {
    const message = expect.stringMatching(/compatibility_date.*2025-06-01.*wrangler\.toml/) as unknown;
    const refused = { code: 'not-supported', message };
    expect(await usedAt(date)).toEqual({ session: refused, limit: refused, cache: refused, read: refused, load: refused });
  });

  it('of 2025-06-01 will do', async () => {
    expect(await usedAt('2025-06-01')).toEqual({ session: null, limit: 4, read: 1, load: 'loaded' });
  });
});
