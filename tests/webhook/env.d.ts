import type { D1Migration } from 'cloudflare:test';
import type { Env } from '../../workers/webhook-handler/src/env.ts';

type WebhookEnv = Env;

declare global {
  namespace Cloudflare {
    interface Env extends WebhookEnv {
      TEST_MIGRATIONS: D1Migration[];
      TEST_SEED: string;
    }
    interface GlobalProps {
      mainModule: typeof import('../../workers/webhook-handler/src/index.ts');
    }
  }
}
