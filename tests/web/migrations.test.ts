import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { getMigrations } from 'better-auth/db/migration';
import { expect, it } from 'vitest';
import { user } from '../../apps/web/src/lib/server/auth-schema.ts';
import { ROOT } from '../package/project.ts';

it('gives better-auth every table, column and index that it asks for', async () => {
  const database = new DatabaseSync(':memory:');
  const asked = async (): Promise<unknown> => {
    const { toBeCreated, toBeAdded, toBeAddedIndexes } = await getMigrations({ database, user });
    return { toBeCreated, toBeAdded, toBeAddedIndexes };
  };
  expect(await asked()).not.toEqual({ toBeCreated: [], toBeAdded: [], toBeAddedIndexes: [] });
  database.exec(await readFile(join(ROOT, 'apps/web/migrations/0001_auth.sql'), 'utf8'));
  expect(await asked()).toEqual({ toBeCreated: [], toBeAdded: [], toBeAddedIndexes: [] });
});
