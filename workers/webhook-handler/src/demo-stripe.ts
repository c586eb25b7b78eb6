import { WorkerEntrypoint } from 'cloudflare:workers';
import Stripe from 'stripe';
import type { Env } from './env.ts';

/** A delivery as Stripe would make it: post `body` with `signature` as its `Stripe-Signature`. */
export interface Delivery {
  body: string;
  signature: string;
}

/** A purchase as the demo page makes one. `amount` is in the currency's smallest unit. */
export interface DemoPurchase {
  userId: string;
  contentId: string;
  amount: number;
  currency: string;
}

/**
 * Stands in for Stripe on a developer's machine: makes test events and signs them with this worker's own secret. Bound in the
 * local configuration alone; a deployed worker has no LOCAL_DEMO, and refuses.
 */
export class DemoStripe extends WorkerEntrypoint<Env> {
  /** The event of a checkout that was paid. */
  bought({ userId, contentId, amount, currency }: DemoPurchase): Promise<Delivery> {
    const [session, payment] = [newId('cs_test'), newId('pi')];
    return this.#sign('checkout.session.completed', {
      id: session,
      object: 'checkout.session',
      mode: 'payment',
      payment_status: 'paid',
      payment_intent: payment,
      client_reference_id: userId,
      metadata: { content_id: contentId },
      amount_total: amount,
      currency,
    });
  }

  /** The event of a payment that was refunded in full. */
  refunded({ paymentId, amount }: { paymentId: string; amount: number }): Promise<Delivery> {
    const charge = {
      id: newId('ch'),
      object: 'charge',
      payment_intent: paymentId,
      amount,
      amount_refunded: amount,
      refunded: true,
    };
    return this.#sign('charge.refunded', charge);
  }

  /** The event of a payment whose card's owner says that it was not theirs. */
  disputed({ paymentId, amount }: { paymentId: string; amount: number }): Promise<Delivery> {
    const dispute = { id: newId('dp'), object: 'dispute', payment_intent: paymentId, amount, reason: 'fraudulent' };
    return this.#sign('charge.dispute.funds_withdrawn', dispute);
  }

  async #sign(type: string, object: Record<string, unknown>): Promise<Delivery> {
    if (this.env.LOCAL_DEMO !== 'on') throw new Error('there is no demo here');
    const created = Math.floor(Date.now() / 1000);
    const body = JSON.stringify({ id: newId('evt'), object: 'event', type, created, livemode: false, data: { object } });
    const signature = await Stripe.webhooks.generateTestHeaderStringAsync({
      payload: body,
      secret: this.env.STRIPE_WEBHOOK_SECRET,
      timestamp: created,
      cryptoProvider: Stripe.createSubtleCryptoProvider(),
    });
    return { body, signature };
  }
}

/** An id of Stripe's shape that no two events share. */
function newId(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll('-', '')}`;
}
