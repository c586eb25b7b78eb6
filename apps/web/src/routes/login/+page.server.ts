import { rateLimitHeaders } from '@codex/cloudflare-clients';
import { type RequestEvent, fail, redirect } from '@sveltejs/kit';
import { type Attempt, signIn, signUp } from '$lib/server/sign-in';
import type { Actions } from './$types';

export const actions: Actions = {
  signIn: async (event) => answer(event, 'signIn', await signIn(event, await event.request.formData())),
  signUp: async (event) => answer(event, 'signUp', await signUp(event, await event.request.formData())),
};

/** On with it, or back to the form that was sent, with a message. */
function answer(event: RequestEvent, form: 'signIn' | 'signUp', outcome: Attempt) {
  if (outcome.state === 'done') redirect(303, '/');
  if (outcome.state === 'refused') return fail(outcome.status, { form, message: outcome.message });
  event.setHeaders(Object.fromEntries(rateLimitHeaders(outcome.verdicts, outcome.names)));
  return fail(429, { form, message: outcome.message });
}
