import { Hono } from 'hono';
import { account } from './account/index.ts';
import { admin } from './admin/index.ts';
import { auth } from './auth/index.ts';
import { createClients } from './clients.ts';
import { content } from './content/index.ts';
import { categories } from './content/lists.ts';
import { demo } from './demo/index.ts';
import type { AppEnv } from './env.ts';
import { answerProblem } from './http/answer.ts';
import { limitBody } from './http/body.ts';
import { logFailure } from './http/log.ts';
import { requireOwnOrigin } from './http/origin.ts';
import { HttpProblem, problems } from './http/problem.ts';
import { securityHeaders } from './http/security-headers.ts';
import { ServedLog } from './http/served.ts';
import { page } from './page.ts';

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
// Before the Origin check: a bearer's routes are no browser's.
app.route('/admin', admin);
app.use(requireOwnOrigin());
app.use(limitBody());

app.route('/auth', auth);
app.route('/account', account);
app.route('/content', content);
app.get('/categories', categories);
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
