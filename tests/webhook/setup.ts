import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll } from 'vitest';

// Every test file has a storage of its own: migrated, and filled with the sample data.
beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  const statements = env.TEST_SEED.replaceAll(/^--.*$/gm, '').split(/;\s*$/m);
  await env.DB.batch(statements.filter((text) => text.trim() !== '').map((text) => env.DB.prepare(text)));
});
