import { deadLetters } from './dead-letters.ts';
import type { Env } from './env.ts';
import { sweep } from './sweep.ts';
import { transcodingBatch } from './transcoding-batch.ts';

export default {
  queue(batch, env) {
    return batch.queue === env.DEAD_LETTER_QUEUE ? deadLetters(batch, env) : transcodingBatch(batch, env);
  },

  async scheduled(controller, env) {
    await sweep(env, controller.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
