/** What the transcoding service may do with an address: read the file, or store what it made of it. */
export type MediaUse = 'source' | 'result';

const VERBS: Record<MediaUse, string> = { source: 'GET', result: 'PUT' };

/**
 * Makes an address under which whoever knows it may do one thing with one file, until `until` (Unix seconds): the service needs no
 * account and no key to the bucket. The api worker checks it: its `media/signed-url.ts` must agree with this.
 */
export async function mediaUrl(origin: string, mediaId: string, use: MediaUse, until: number, secret: string): Promise<string> {
  const path = `/media/${mediaId}/${use}`;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign']);
  const signed = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${VERBS[use]} ${path} ${until}`));
  return `${origin}${path}?until=${until}&signature=${hex(new Uint8Array(signed))}`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
