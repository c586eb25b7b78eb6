import type { Env } from '../../../workers/queue-consumer/src/env.ts';
import worker from '../../../workers/queue-consumer/src/index.ts';

/** The queue consumer, whose deliveries the test can end in the middle: whatever they wait for then never comes back to them. */
export default {
  async queue(batch, env, context) {
    const killed = fetch(`${env.RUNPOD_URL}/kill`).then(() => context.abort('killed'));
    await Promise.race([worker.queue(batch, env), killed]);
  },
} satisfies ExportedHandler<Env>;
