import { recordPurchase } from './checkout.ts';
import { reinstate, withdraw } from './dispute.ts';
import type { Effect } from './effect.ts';
import { recordRefund } from './refund.ts';
import { changeSubscription, createSubscription } from './subscription.ts';

/** The events that change something here. The endpoint at Stripe should send these and no others. */
export const effects: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ['checkout.session.completed', recordPurchase],
  ['checkout.session.async_payment_succeeded', recordPurchase],
  ['charge.refunded', recordRefund],
  ['charge.dispute.funds_withdrawn', withdraw],
  ['charge.dispute.funds_reinstated', reinstate],
  ['customer.subscription.created', createSubscription],
  ['customer.subscription.updated', changeSubscription],
  ['customer.subscription.deleted', changeSubscription],
]);
