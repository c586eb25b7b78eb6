import { describe, expect, it } from 'vitest';
import { SECRET, checkout, event, hmac, newId, sign } from './stripe.ts';
import { call, post, purchasesOf, send, stored } from './webhook.ts';

const now = (): number => Math.floor(Date.now() / 1000);

/** What every refusal looks like, whatever its reason. */
const REFUSED = {
  status: 400,
  body: {
    type: 'urn:codex:problem:bad-signature',
    title: 'Bad signature',
    status: 400,
    detail: 'The signature of this request could not be verified.',
  },
};

describe('a delivery', () => {
  it('is taken when it is signed by the endpoint’s secret', async () => {
    const paid = checkout(newId('pi'));
    expect(await send(paid)).toMatchObject({ status: 200, body: { received: true, outcome: 'applied' } });
    expect(await stored(paid.id)).toMatchObject({ outcome: 'applied' });
  });

  const forged: [string, (body: string) => string | null | Promise<string | null>][] = [
    ['without a signature', () => null],
    ['with an empty one', () => ''],
    ['signed by another secret', (body) => sign(body, { secret: 'whsec_another' })],
    ['signed over another body', () => sign('{}')],
    ['signed for another time', async (body) => (await sign(body)).replace(/^t=\d+/, `t=${now() - 1}`)],
    ['signed 302 seconds ago', (body) => sign(body, { at: now() - 302 })],
    ['signed 302 seconds ahead', (body) => sign(body, { at: now() + 302 })],
    ['signed long ahead', (body) => sign(body, { at: 99_999_999_999 })],
    ['with a time and no signature', () => `t=${now()}`],
    ['with an empty signature', () => `t=${now()},v1=`],
    ['with a signature and no time', async (body) => (await sign(body)).replace(/^t=\d+,/, '')],
    ['with two times, one of them good', async (body) => `t=${now() - 9999},${await sign(body)}`],
    [
      'signed long ago, with a fresh time put before that',
      async (body) => `t=${now()},${await sign(body, { at: now() - 9999 })}`,
    ],
    ['with a time that is no number', async (body) => (await sign(body)).replace(/^t=\d+/, 't=soon')],
    ['with a negative time', async (body) => `t=-1,v1=${await hmac(SECRET, `-1.${body}`)}`],
    ['with a good signature of the test scheme', async (body) => (await sign(body)).replace('v1=', 'v0=')],
    ['with part of its signature', async (body) => (await sign(body)).slice(0, -1)],
    ['with words', () => 'please'],
  ];

  it.each(forged)('%s is refused, and nobody is told why', async (_, signatureOf) => {
    const paymentId = newId('pi');
    const body = JSON.stringify(checkout(paymentId));
    const { status, body: answer, headers } = await post(body, await signatureOf(body));
    expect({ status, body: answer }).toEqual(REFUSED);
    expect(headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
    expect(await purchasesOf('user-cory')).not.toHaveProperty(paymentId);
  });

  it.each([-290, 290])('is taken when its signature is %i seconds away', async (seconds) => {
    const body = JSON.stringify(checkout(newId('pi')));
    expect((await post(body, await sign(body, { at: now() + seconds }))).status).toBe(200);
  });

  it('is taken with several signatures, whichever is the good one', async () => {
    for (const place of [0, 1, 2]) {
      const body = JSON.stringify(checkout(newId('pi')));
      const at = now();
      const signatures = ['a'.repeat(64), 'b'.repeat(64)];
      signatures.splice(place, 0, await hmac(SECRET, `${at}.${body}`));
      const header = [`t=${at}`, ...signatures.map((signature) => `v1=${signature}`), `v0=${'c'.repeat(64)}`].join(',');
      expect((await post(body, header)).status, `good one at ${place}`).toBe(200);
    }
  });

  it('is refused when one byte of its body has changed, though it means the same', async () => {
    const body = JSON.stringify(checkout(newId('pi')));
    expect((await post(`${body} `, await sign(body))).status).toBe(400);
  });

  it('is verified as it came, also with characters of several bytes', async () => {
    const paid = checkout(newId('pi'));
    paid.data.object['customer_details'] = { name: 'Zoë Ångström 🎧' };
    expect((await send(paid)).status).toBe(200);
  });

  it.each(['', 'not JSON', '[]', 'null', '{"object":"v2.core.event"}', '{"id":"evt_1","type":"x","created":1}'])(
    'that is signed but no event is refused: %s',
    async (body) => {
      expect(await post(body, await sign(body))).toMatchObject(REFUSED);
    },
  );

  it('is refused above a mebibyte', async () => {
    const body = JSON.stringify(event('charge.refunded', { padding: 'x'.repeat(1_048_576) }));
    expect(await post(body, await sign(body))).toMatchObject({
      status: 413,
      body: { type: 'urn:codex:problem:body-too-large' },
    });
  });
});

describe('a secret that is being replaced', () => {
  const rotating = { STRIPE_WEBHOOK_SECRET: 'whsec_new', STRIPE_WEBHOOK_SECRET_PREVIOUS: 'whsec_old' };

  it.each(['whsec_new', 'whsec_old'])('takes what %s signed', async (secret) => {
    const body = JSON.stringify(checkout(newId('pi')));
    expect((await post(body, await sign(body, { secret }), rotating)).status).toBe(200);
  });

  it('takes what both signed, as Stripe does while both are good', async () => {
    const body = JSON.stringify(checkout(newId('pi')));
    const at = now();
    const [one, two] = await Promise.all(['whsec_old', 'whsec_new'].map((secret) => hmac(secret, `${at}.${body}`)));
    expect((await post(body, `t=${at},v1=${one},v1=${two}`, rotating)).status).toBe(200);
    const stranger = { STRIPE_WEBHOOK_SECRET: 'whsec_third' };
    expect((await post(body, `t=${at},v1=${one},v1=${two}`, stranger)).status).toBe(400);
  });

  it('refuses the old one once it is gone, and an empty one always', async () => {
    const body = JSON.stringify(checkout(newId('pi')));
    const old = await sign(body, { secret: 'whsec_old' });
    expect((await post(body, old, { STRIPE_WEBHOOK_SECRET: 'whsec_new', STRIPE_WEBHOOK_SECRET_PREVIOUS: '' })).status).toBe(
      400,
    );
    expect((await post(body, old, { STRIPE_WEBHOOK_SECRET: '  ' })).status).toBe(503);
  });
});

it('answers at no other address and with no other method', async () => {
  for (const [method, path] of [
    ['GET', '/webhooks/stripe'],
    ['PUT', '/webhooks/stripe'],
    ['POST', '/webhooks'],
    ['POST', '/'],
  ] as const) {
    const answer = await call(new Request(`https://codex.example${path}`, { method }));
    expect(answer, `${method} ${path}`).toMatchObject({ status: 404, body: { type: 'urn:codex:problem:not-found' } });
  }
});
