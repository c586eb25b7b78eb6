import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AppEnv } from '../env.ts';
import type { HttpProblem } from './problem.ts';
import { servedHeaders } from './served.ts';

/** Answers with JSON that says where it came from. */
export function answer(c: Context<AppEnv>, body: Record<string, unknown>, status: ContentfulStatusCode = 200): Response {
  return send(c, body, status, 'application/json');
}

/** Answers with a problem, in the same manner. */
export function answerProblem(c: Context<AppEnv>, problem: HttpProblem): Response {
  for (const [name, value] of Object.entries(problem.headers)) c.header(name, value);
  return send(c, problem.body(), problem.status, 'application/problem+json');
}

function send(c: Context<AppEnv>, body: Record<string, unknown>, status: ContentfulStatusCode, type: string): Response {
  const served = c.var.served.report();
  for (const [name, value] of Object.entries(servedHeaders(served))) c.header(name, value);
  c.header('Cache-Control', 'no-store');
  c.header('Content-Type', `${type}; charset=utf-8`);
  return c.body(JSON.stringify({ ...body, served }), status);
}
