import type { D1Migration } from 'cloudflare:test';
import type { Env } from '../../workers/api/src/env.ts';

type ApiEnv = Env;

declare global {
  namespace Cloudflare {
    interface Env extends ApiEnv {
      TEST_MIGRATIONS: D1Migration[];
      TEST_SEED: string;
    }
    interface GlobalProps {
      mainModule: typeof import('../../workers/api/src/index.ts');
    }
  }
}
