import type { CachedSession } from '@codex/cloudflare-clients';
import * as v from 'valibot';
import { PlainSessionCache } from './session-cache.ts';

const optionalText = v.optional(v.nullable(v.string()));

/** A session as one writes its schema: what the package asks of a record, and no more. Unknown fields stay. */
const Session = v.object({
  session: v.looseObject({
    id: v.string(),
    userId: v.string(),
    token: v.string(),
    expiresAt: v.pipe(v.string(), v.isoTimestamp()),
    ipAddress: optionalText,
    userAgent: optionalText,
  }),
  user: v.looseObject({
    id: v.string(),
    email: v.string(),
    name: v.string(),
    role: v.picklist(['customer', 'owner', 'creator']),
    emailVerified: v.boolean(),
  }),
});

/** What was stored, if it is a session of the token that has not ended; no revocation is looked for. */
export function validSession(stored: unknown, token: string): CachedSession | null {
  const { success, output } = v.safeParse(Session, stored);
  if (!success || output.session.token !== token || output.session.userId !== output.user.id) return null;
  return Date.parse(output.session.expiresAt) <= Date.now() ? null : (output as CachedSession);
}

/** Sessions as the obvious code keeps them, validated by valibot when they are read. */
export class ValibotSessionCache extends PlainSessionCache {
  override async get(token: string): Promise<CachedSession | null> {
    return validSession(await super.get(token), token);
  }
}
