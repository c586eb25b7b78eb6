import { KVClientError } from '@codex/cloudflare-clients';
import { type RequestEvent, fail, redirect } from '@sveltejs/kit';
import { isCategory } from '$lib/categories';
import { publishedIn } from '$lib/server/content';
import { envOf } from '$lib/server/env';
import { signOut, signOutEverywhere } from '$lib/server/sign-out';
import type { Actions, PageServerLoad } from './$types';

export const load: PageServerLoad = async (event) => {
  const { user, session, answeredBy } = event.locals;
  const asked = event.url.searchParams.get('category');
  const category = isCategory(asked) ? asked : 'essays';
  return {
    account: user && session && { ...user, expiresAt: session.expiresAt, answeredBy },
    category,
    ...(await publishedIn(category, envOf(event))),
  };
};

export const actions: Actions = {
  signOut: (event) => ending(event, signOut),
  signOutEverywhere: (event) => ending(event, signOutEverywhere),
};

async function ending(event: RequestEvent, end: (event: RequestEvent) => Promise<void>) {
  try {
    await end(event);
  } catch (error) {
    if (!(error instanceof KVClientError)) throw error;
    return fail(503, {
      message:
        'This is not finished: a cached copy could not be revoked yet. It ends within the hour; try again to end it now.',
    });
  }
  return redirect(303, '/login');
}
