import { env } from 'cloudflare:workers';
import { call, freshAddress } from './api.ts';

/** An email that nobody has registered. */
export const freshEmail = (): string => `${crypto.randomUUID()}@codex.example`;

export const PASSWORD = 'correct horse battery';

/** The letters sent to an address, the newest first, with the token of each that has one. */
export async function lettersTo(email: string): Promise<{ subject: string; text: string; token: string }[]> {
  const { results } = await env.DB.prepare('SELECT subject, body AS text FROM outbox WHERE recipient = ?1 ORDER BY id DESC')
    .bind(email)
    .all<{ subject: string; text: string }>();
  return results.map(({ subject, text }) => ({ subject, text, token: /=([A-Za-z0-9_-]{43})$/m.exec(text)?.[1] ?? '' }));
}

/** Waits for the letter that an answer has left for later. */
export async function letterTo(email: string, subject: RegExp): Promise<{ subject: string; text: string; token: string }> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const found = (await lettersTo(email)).find((letter) => subject.test(letter.subject));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no letter ${subject}`);
}

/** Registers somebody new. */
export async function registered(role: 'customer' | 'creator' = 'customer'): Promise<{ email: string; password: string }> {
  const user = { email: freshEmail(), password: PASSWORD };
  await call('POST', '/account/register', { address: freshAddress(), body: { ...user, name: 'New', role } });
  return user;
}
