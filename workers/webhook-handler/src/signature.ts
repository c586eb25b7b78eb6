import Stripe from 'stripe';

/** How far a signature's time may lie from ours, in seconds, either way. Stripe's own default, which looks back only. */
const TOLERANCE_SECONDS = 300;

const cryptoProvider = Stripe.createSubtleCryptoProvider();

/** Why a delivery is not believed. For the log alone: the sender is told nothing of it. */
export type Refusal = 'unsigned' | 'malformed' | 'wrong' | 'stale' | 'future' | 'not-an-event';

/** What became of verifying a delivery. */
export type Verified = { event: Stripe.Event } | { refusal: Refusal };

/**
 * Verifies a delivery: its body as it came, byte for byte, and its `Stripe-Signature`, which may hold several signatures. One
 * of them must be by one of `secrets`, so that a secret can be replaced while Stripe signs with either. Its time must be
 * within five minutes of `nowMs`: a recorded delivery cannot be replayed later, nor one be made now for later.
 */
export async function verify(
  readBody: () => Promise<ArrayBuffer>,
  header: string | undefined,
  secrets: readonly string[],
  nowMs: number,
): Promise<Verified> {
  if (header === undefined || header === '') return { refusal: 'unsigned' };
  const signedAt = timeOf(header);
  if (signedAt === null) return { refusal: 'malformed' };
  // Not before there is something to check it by.
  const body = new Uint8Array(await readBody());
  const event = await firstVerified(body, header, secrets, nowMs);
  if (event === null) return { refusal: 'wrong' };
  if (event === 'not-an-event') return { refusal: 'not-an-event' };
  const ageSeconds = Math.floor(nowMs / 1000) - signedAt;
  if (ageSeconds > TOLERANCE_SECONDS) return { refusal: 'stale' };
  if (ageSeconds < -TOLERANCE_SECONDS) return { refusal: 'future' };
  return isEvent(event) ? { event } : { refusal: 'not-an-event' };
}

/**
 * The event, by whichever secret signed it; null when none did. Stripe's own check of the time looks back only and is
 * switched off here: the one above looks both ways, and can tell a stale signature from a wrong one.
 */
async function firstVerified(
  body: Uint8Array,
  header: string,
  secrets: readonly string[],
  nowMs: number,
): Promise<Stripe.Event | 'not-an-event' | null> {
  for (const secret of secrets) {
    try {
      return await Stripe.webhooks.constructEventAsync(body, header, secret, Number.MAX_SAFE_INTEGER, cryptoProvider, nowMs);
    } catch (error) {
      // Anything else was thrown after the signature was found to be right: no JSON, or a thin event.
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) return 'not-an-event';
    }
  }
  return null;
}

/**
 * The one time a header names, Unix seconds; null where it names none, or several, of which two readers could believe two, or
 * where an item is no `name=value`, at which the verification would stumble.
 */
function timeOf(header: string): number | null {
  const items = header.split(',');
  const times = items.filter((item) => item.startsWith('t='));
  const [, seconds] = /^t=(\d{1,12})$/.exec(times.length === 1 ? (times[0] ?? '') : '') ?? [];
  return seconds === undefined || !items.every((item) => /^\w+=\w+$/.test(item)) ? null : Number(seconds);
}

/** Whether signed JSON is an event at all. What is in it each effect checks for itself. */
function isEvent(event: Stripe.Event): boolean {
  return (
    typeof event === 'object' &&
    event !== null &&
    /^evt_\w{1,200}$/.test(event.id) &&
    /^[\w.]{1,100}$/.test(event.type) &&
    Number.isSafeInteger(event.created) &&
    typeof event.data?.object === 'object'
  );
}
