import { Hono } from 'hono';
import { analytics } from './analytics/index.ts';
import { account } from './account/index.ts';
import { admin } from './admin/index.ts';
import { auth } from './auth/index.ts';
import { createClients } from './clients.ts';
import { content } from './content/index.ts';
import { categories } from './content/lists.ts';
import { creators } from './creators/index.ts';
import { demo } from './demo/index.ts';
import type { AppEnv } from './env.ts';
import { answerProblem } from './http/answer.ts';
import { limitBody } from './http/body.ts';
import { logFailure } from './http/log.ts';
import { requireOwnOrigin } from './http/origin.ts';
import { HttpProblem, problems } from './http/problem.ts';
import { securityHeaders } from './http/security-headers.ts';
import { ServedLog } from './http/served.ts';
import { library } from './library/index.ts';
import { media, signedMedia } from './media/index.ts';
import { page } from './page.ts';
import { progress } from './progress/index.ts';
import { purchases } from './purchases/index.ts';
import { settings } from './settings/index.ts';
import { stripe } from './webhooks/stripe.ts';

/** The class of LOGIN_LIMITS. */
export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

const app = new Hono<AppEnv>();

app.use(securityHeaders());
app.use((c, next) => {
  const served = new ServedLog();
  c.set('served', served);
  c.set('clients', createClients(c.env, { onEvent: served.record, waitUntil: (work) => c.executionCtx.waitUntil(work) }));
  return next();
});
// Before the rules for browsers: what comes here comes from Stripe, and is signed.
app.post('/webhooks/stripe', stripe);
app.route('/media', signedMedia);
// Before the Origin check: a bearer's routes are no browser's.
app.route('/admin', admin);
app.use(requireOwnOrigin());
app.route('/media', media);
app.use(limitBody());

app.route('/auth', auth);
app.route('/account', account);
app.route('/content', content);
app.get('/categories', categories);
app.route('/library', library);
app.route('/purchases', purchases);
app.route('/progress', progress);
app.route('/analytics', analytics);
app.route('/settings', settings);
app.route('/creators', creators);
app.route('/demo', demo);
app.route('/', page);

app.notFound((c) => answerProblem(c, problems.notFound()));

app.onError((error, c) => {
  if (error instanceof HttpProblem) {
    if (error.status >= 500 && error.cause !== undefined) logFailure(error.problem, error.cause);
    return answerProblem(c, error);
  }
  logFailure('request', error);
  return answerProblem(c, problems.internal(error));
});

export default app;
