import { tooManyRequests } from '@codex/cloudflare-clients';
import { json } from '@sveltejs/kit';
import { signIn } from '$lib/server/sign-in';
import type { RequestHandler } from './$types';

/** `POST /api/auth/login`, a form with `email` and `password`: signs in, for those who are no browser. */
export const POST: RequestHandler = async (event) => {
  const outcome = await signIn(event, await event.request.formData());
  if (outcome.state === 'done') return json({ signedIn: true });
  if (outcome.state === 'refused') return json({ message: outcome.message }, { status: outcome.status });
  return tooManyRequests(outcome.verdicts, { name: outcome.names, detail: outcome.message });
};
