import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { DemoStripe } from '../../workers/webhook-handler/src/index.ts';
import { hmac } from './stripe.ts';
import { post, purchasesOf } from './webhook.ts';

const PURCHASE = { userId: 'user-cory', contentId: 'sun-prints', amount: 1500, currency: 'eur' };

/** The stand-in for Stripe, where LOCAL_DEMO is what is said. */
function demoWhere(LOCAL_DEMO: string | undefined): DemoStripe {
  const { LOCAL_DEMO: _, ...rest } = env;
  return new DemoStripe(createExecutionContext(), LOCAL_DEMO === undefined ? rest : { ...rest, LOCAL_DEMO });
}

it('signs events that the worker takes, each another', async () => {
  const demo = demoWhere('on');
  for (const delivery of [await demo.bought(PURCHASE), await demo.bought(PURCHASE)]) {
    expect((await post(delivery.body, delivery.signature)).body).toEqual({ received: true, outcome: 'applied' });
  }
  const [[paymentId, state]] = Object.entries(await purchasesOf('user-cory')) as [[string, string]];
  expect(state).toBe('paid');
  const { body, signature } = await demo.refunded({ paymentId, amount: 1500 });
  expect((await post(body, signature)).body.outcome).toBe('applied');
  expect(Object.values(await purchasesOf('user-cory')).toSorted()).toEqual(['paid', 'refunded']);
});

it('signs with the endpoint’s own secret, as Stripe does', async () => {
  const { body, signature } = await demoWhere('on').disputed({ paymentId: 'pi_1', amount: 1 });
  const [, at] = /^t=(\d+),v1=/.exec(signature) ?? [];
  expect(signature).toBe(`t=${at},v1=${await hmac(env.STRIPE_WEBHOOK_SECRET, `${at}.${body}`)}`);
});

it.each([undefined, '', 'off', 'true'])('signs nothing where LOCAL_DEMO is %s', async (value) => {
  await expect(demoWhere(value).bought(PURCHASE)).rejects.toThrow('there is no demo here');
});
