import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Who may know whom, read from the sources. */
export default defineConfig({
  test: { name: 'law', root: fileURLToPath(new URL('../..', import.meta.url)), include: ['tests/law/*.test.ts'] },
});
