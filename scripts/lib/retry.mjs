/** Tries a download again before giving up: most network failures are short. */
import { setTimeout as wait } from 'node:timers/promises';

const PAUSES_MS = [2_000, 8_000];

/** Runs `attempt` up to three times and throws the last error; an error marked `permanent` is thrown at once. */
export async function retrying(what, attempt) {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (error.permanent) throw error;
      console.log(`  ${what}: ${reason(error.message)}`);
      console.log(`  trying again in ${pauseMs / 1_000} s`);
      await wait(pauseMs);
    }
  }
  return attempt();
}

/** The one line in which npm or apt says why. */
function reason(message) {
  return /^(npm error code|E:|W: Failed).*/m.exec(message)?.[0] ?? message.split('\n')[0];
}
