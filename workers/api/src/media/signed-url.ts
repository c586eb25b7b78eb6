import type { Context } from 'hono';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { HttpProblem } from '../http/problem.ts';

const Signed = v.object({
  until: v.pipe(v.string(), v.regex(/^\d{1,12}$/), v.transform(Number)),
  signature: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/**
 * Checks that the queue consumer made this address, for this method, and that its time has not run out: its `media-url.ts` signs
 * `GET /media/{id}/source {until}`, `until` being Unix seconds. Throws `bad-signature`, whichever it is.
 */
export async function requireSignedUrl(c: Context<AppEnv>): Promise<void> {
  const parsed = v.safeParse(Signed, c.req.query());
  if (!parsed.success || parsed.output.until * 1000 <= Date.now()) throw badSignature();
  const { until, signature } = parsed.output;
  // Without a secret anybody could sign.
  if (!c.env.MEDIA_URL_SECRET) throw badSignature();
  const verb = c.req.method === 'HEAD' ? 'GET' : c.req.method;
  const key = await crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(c.env.MEDIA_URL_SECRET),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );
  const signed = new TextEncoder().encode(`${verb} ${c.req.path} ${until}`);
  // WebCrypto compares in constant time.
  if (!(await crypto.subtle.verify('HMAC', key, bytesOf(signature), signed))) throw badSignature();
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

function badSignature(): HttpProblem {
  return new HttpProblem('bad-signature', 403, 'Bad signature', 'This address is not signed, or no longer valid.');
}
