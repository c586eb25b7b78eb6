/** Ours, below the 100 MB that Cloudflare takes as a request's body on its smaller plans. */
export const MAX_UPLOAD_BYTES = 95_000_000;

/** What may be uploaded: anything that calls itself video or audio. The transcoding service finds out what it is. */
export const MEDIA_TYPE = /^(?:video|audio)\/[\w.+-]{1,60}$/;

/** Where an uploaded file lies in the bucket, and where what was made of it. */
export function objectKey(mediaId: string, file: 'source' | 'result'): string {
  return `media/${mediaId}/${file}`;
}

/** Answers with a file, or the part of it that was asked for. It is never shown in place: whoever uploaded it chose its type. */
export function fileResponse(object: R2ObjectBody, partial: boolean): Response {
  const headers = new Headers({ 'Accept-Ranges': 'bytes', 'Cache-Control': 'private, no-store', ETag: object.httpEtag });
  object.writeHttpMetadata(headers);
  headers.set('Content-Disposition', 'attachment');
  const { range, size } = object;
  if (!partial || range === undefined) return new Response(object.body, { headers });
  // One of these shapes by its type, but all of their members are there.
  const { suffix, offset, length }: { suffix?: number; offset?: number; length?: number } = range;
  const from = suffix === undefined ? (offset ?? 0) : size - Math.min(suffix, size);
  const to = Math.min(size, from + (suffix ?? length ?? size)) - 1;
  headers.set('Content-Range', `bytes ${from}-${to}/${size}`);
  return new Response(object.body, { status: 206, headers });
}
