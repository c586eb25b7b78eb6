/** The categories of content. A request for any other is refused before the cache hears of it. */
export const CATEGORIES = [
  { id: 'essays', name: 'Essays' },
  { id: 'sound', name: 'Sound' },
  { id: 'film', name: 'Film' },
] as const;

export type CategoryId = (typeof CATEGORIES)[number]['id'];

/** Whether there is such a category. */
export function isCategory(id: string | null): id is CategoryId {
  return CATEGORIES.some((category) => category.id === id);
}
