import { KVClientError } from './errors.js';

/**
 * What work comes to, if it is done in time. Rejects with `store-unavailable` where it fails or is not done after `timeoutMs`
 * milliseconds; it may still be done then. `what` is who did not answer.
 */
export async function withinTime<T>(what: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (cause) {
    throw new KVClientError('store-unavailable', `${what} failed or did not answer in time: try again`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
