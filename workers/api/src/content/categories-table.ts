/** What content is sorted into. */
export interface Category {
  id: string;
  name: string;
  description: string;
}

/** Lists all categories in their order. */
export async function listCategories(db: D1Database): Promise<Category[]> {
  const { results } = await db.prepare('SELECT id, name, description FROM categories ORDER BY position, id').all<Category>();
  return results;
}

/** Whether there is such a category. */
export async function categoryExists(db: D1Database, id: string): Promise<boolean> {
  return (await db.prepare('SELECT 1 FROM categories WHERE id = ?1').bind(id).first()) !== null;
}
