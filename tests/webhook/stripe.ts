/** An event as Stripe sends one, as far as this application reads it. */
export interface TestEvent {
  id: string;
  object: 'event';
  type: string;
  /** Unix seconds. */
  created: number;
  data: { object: Record<string, unknown> };
}

export const SECRET = 'whsec_local_demo_only';

let made = 0;

/** An id that no other test has. */
export function newId(prefix: string): string {
  made += 1;
  return `${prefix}_${made}${crypto.randomUUID().slice(0, 8)}`;
}

/** Makes an event about an object, now or at another time. */
export function event(type: string, object: Record<string, unknown>, created = Math.floor(Date.now() / 1000)): TestEvent {
  return { id: newId('evt'), object: 'event', type, created, data: { object } };
}

/** A checkout that was paid. */
export function checkout(paymentId: string, userId = 'user-cory', contentId = 'ten-staircases'): TestEvent {
  return event('checkout.session.completed', {
    id: newId('cs'),
    mode: 'payment',
    payment_status: 'paid',
    payment_intent: paymentId,
    client_reference_id: userId,
    metadata: { content_id: contentId },
    amount_total: 900,
    currency: 'eur',
  });
}

/** A refund of a payment: in full, or of part of it. */
export function refund(paymentId: string, amount = 900): TestEvent {
  const refunded = amount === 900;
  return event('charge.refunded', {
    id: newId('ch'),
    payment_intent: paymentId,
    amount: 900,
    amount_refunded: amount,
    refunded,
  });
}

/** A dispute that took a payment's money back, or gave it back again. */
export function dispute(
  paymentId: string,
  { id = newId('dp'), reason = 'fraudulent', type = 'funds_withdrawn' } = {},
): TestEvent {
  return event(`charge.dispute.${type}`, { id, payment_intent: paymentId, reason });
}

/** The header with which Stripe signs `body`: an HMAC-SHA256 of time and body, made here without Stripe's package. */
export async function sign(body: string, { secret = SECRET, at = Math.floor(Date.now() / 1000) } = {}): Promise<string> {
  return `t=${at},v1=${await hmac(secret, `${at}.${body}`)}`;
}

/** The signature alone, in hexadecimal. */
export async function hmac(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
  return Array.from(signature, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
