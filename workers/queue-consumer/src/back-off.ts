/** The longest wait for anything. What goes longer without a delivery has stalled: see STALLED_SECONDS. */
const LONGEST_SECONDS = 120;

/** The first wait after a failure. */
const FIRST_SECONDS = 2;

/**
 * How long to wait before a job is asked after again, `elapsedMs` after it was submitted: an eighth of that time, so that what
 * is quick is seen quickly, and what takes an hour costs some seventy deliveries of the hundred that a message has.
 */
export function pollDelaySeconds(elapsedMs: number, firstSeconds: number): number {
  return Math.ceil(Math.min(LONGEST_SECONDS, Math.max(firstSeconds, elapsedMs / 8000)));
}

/**
 * How long to wait after the `attempt`th try has failed, counted from one: twice as long each time. `random` is from 0 to 1 and takes up
 * to a half off, so that what failed together does not come back together.
 */
export function backOffSeconds(attempt: number, random: number): number {
  const whole = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(attempt - 1, 10));
  return Math.ceil(whole * (1 - random / 2));
}
