import type { D1Migration } from 'cloudflare:test';
import type { Env } from '../../workers/queue-consumer/src/env.ts';

type ConsumerEnv = Env;

declare global {
  namespace Cloudflare {
    interface Env extends ConsumerEnv {
      TEST_MIGRATIONS: D1Migration[];
      TEST_SEED: string;
    }
    interface GlobalProps {
      mainModule: typeof import('../../workers/queue-consumer/src/index.ts');
    }
  }
}
