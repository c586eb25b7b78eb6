import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { HttpProblem } from './problem.ts';

/** Ours: the largest body any route here needs is an address and a password. */
const MAX_BODY_BYTES = 4096;

/** Refuses a body that is larger than any route here needs, announced or not. */
export function limitBody(): MiddlewareHandler<AppEnv> {
  return bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw new HttpProblem('body-too-large', 413, 'Body too large', `A request body may have ${MAX_BODY_BYTES} bytes here.`);
    },
  });
}

/** Reads a JSON body of the given shape. The answer to a wrong one names the fields, never what was in them. */
export async function readBody<Schema extends v.GenericSchema>(
  c: Context<AppEnv>,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const type = c.req.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new HttpProblem('unsupported-media-type', 415, 'Unsupported media type', 'Send the body as application/json.');
  }
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch (cause) {
    throw new HttpProblem('malformed-body', 400, 'Malformed body', 'The body is not JSON.', { cause });
  }
  return checkInput(schema, body);
}

/** Checks input that is not a body: a query, a path. */
export function checkInput<Schema extends v.GenericSchema>(schema: Schema, input: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input, { abortPipeEarly: true });
  if (result.success) return result.output;
  const fields = [...new Set(result.issues.map((issue) => v.getDotPath(issue) ?? 'body'))];
  throw new HttpProblem('invalid-input', 400, 'Invalid input', `Check: ${fields.join(', ')}.`, { members: { fields } });
}
