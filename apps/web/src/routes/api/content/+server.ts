import { error, json } from '@sveltejs/kit';
import { isCategory } from '$lib/categories';
import { publishedIn } from '$lib/server/content';
import { envOf } from '$lib/server/env';
import type { RequestHandler } from './$types';

/**
 * `GET /api/content?category=`: what is published in a category, as a list; `X-Answered-By` says by whom. An unknown category
 * is a 404 and is not cached: otherwise anybody could fill the namespace with empty lists.
 */
export const GET: RequestHandler = async (event) => {
  const category = event.url.searchParams.get('category');
  if (category === null) error(400, 'Category ID required');
  if (!isCategory(category)) error(404, 'There is no such category');
  const { content, answeredBy } = await publishedIn(category, envOf(event));
  return json(content, { headers: { 'x-answered-by': answeredBy } });
};
