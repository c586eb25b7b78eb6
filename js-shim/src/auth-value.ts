/** A value as better-auth stores it, with what KV does not know of it. */
export interface AuthValue {
  text: string;
  /** Unix milliseconds after which it is not there, whatever KV keeps; 0 for never. */
  expiresAt: number;
  /** Another for each time it was written, so that who takes one does not take the next. */
  version: string;
}

/** What stands in KV: a line of ours, and the value as it is. Any store of texts keeps that, also one without metadata. */
const STORED = /^(\d{1,16}) ([\w-]{1,64})\n/;

/** What is written to KV. */
export function storedText({ text, expiresAt, version }: AuthValue): string {
  return `${expiresAt} ${version}\n${text}`;
}

/** What was read from KV; null for what is not of that form. */
export function storedValue(stored: string): AuthValue | null {
  const [line, expiresAt = '', version = ''] = STORED.exec(stored) ?? [];
  return line === undefined ? null : { text: stored.slice(line.length), expiresAt: Number(expiresAt), version };
}

/** The session in a value that is one, as better-auth caches it under its token. */
export function sessionIn(key: string, text: string): { createdAt: number } | null {
  if (!text.includes('"session"')) return null;
  try {
    const { session } = JSON.parse(text) as { session?: { token?: unknown; createdAt?: string } };
    return session?.token === key ? { createdAt: Date.parse(session.createdAt ?? '') } : null;
  } catch {
    return null;
  }
}
