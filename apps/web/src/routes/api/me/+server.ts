import { json } from '@sveltejs/kit';
import type { RequestHandler } from './$types';

/** `GET /api/me`: who is asking, and who knew it. 401 where nobody is signed in, or no longer. */
export const GET: RequestHandler = ({ locals: { user, session, answeredBy } }) => {
  if (user === null || session === null) return json({ user: null }, { status: 401 });
  return json({ user, session: { id: session.id, expiresAt: session.expiresAt }, answeredBy });
};
