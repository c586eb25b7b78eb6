/** What the platform calls itself. */
export interface PlatformSettings {
  name: string;
  tagline: string;
  logoUrl: string | null;
}

/** Finds the settings. The schema's migration brings the one row. */
export async function findSettings(db: D1Database): Promise<PlatformSettings | null> {
  return db.prepare('SELECT name, tagline, logo_url AS logoUrl FROM platform_settings WHERE id = 1').first<PlatformSettings>();
}

/** Stores the settings. `now` is Unix milliseconds. */
export async function storeSettings(db: D1Database, { name, tagline, logoUrl }: PlatformSettings, now: number): Promise<void> {
  await db
    .prepare('UPDATE platform_settings SET name = ?1, tagline = ?2, logo_url = ?3, updated_at = ?4 WHERE id = 1')
    .bind(name, tagline, logoUrl, now)
    .run();
}
