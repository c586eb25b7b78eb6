/** What is aimed at. Printed beside what was measured; missing one fails nothing, since time depends on the machine. */

/** The most a package operation should take, as a multiple of the plain code on the same store. */
export function targetOf(place, { name, against }) {
  if (against === 'rate-limiter-flexible' || against === 'cachified, shared') return 1;
  if (against === 'cachified, a clone') return 0.5;
  if (name.startsWith('checkLimit') && place !== 'kv') return place === 'node' ? 0.9 : 1;
  if (name === 'session.get' && against === 'plain') return 1.5;
  // On KV itself three keys are read for one, and what checking them takes is nothing beside that.
  if (name === 'session.get' && against === 'plain, valibot' && place !== 'kv') return 1;
  return undefined;
}

/** The first use in a new isolate, in milliseconds. */
export const FIRST_USE_MS = 5;

/** KV operations for each check of a caller who comes a thousand times a second. */
export const HOT_KEY_OPERATIONS = 0.02;

/** The most a hit in memory should take, as a multiple of another cache's. */
export function memoryHitTarget(name) {
  if (!name.startsWith('cachified')) return undefined;
  return name.endsWith('reference') ? 1 : 0.5;
}

/** Keys read a request under load, with values remembered for so many seconds. */
export function keysReadTarget({ what, ageSeconds }) {
  if (what === 'cache' && ageSeconds === 10) return 0.15;
  return what === 'session' && ageSeconds === 30 ? 0.1 : undefined;
}

/** Requests a second under load, as a share of those for nothing. */
export function loadTarget({ what, ageSeconds }) {
  return what === 'cache' && ageSeconds === 10 ? 0.85 : undefined;
}

/** The result beside its target, in words. */
export function verdict(actual, target) {
  return target === undefined ? '' : `${actual <= target ? 'met' : 'not met'}`;
}
