import * as v from 'valibot';
import type { Env } from './env.ts';

/** What became of a run. `gone`: the service keeps results for half an hour, and knows nothing of this one any more. */
export type Run =
  | { state: 'waiting' | 'working' | 'gone' }
  | { state: 'completed'; result: RunResult }
  | { state: 'failed'; error: string };

/** What the transcoding service says of a file it is done with. */
export interface RunResult {
  /** For people: what was done. */
  note: string | null;
  durationMs: number | null;
  /** The content type of what it stored; null when it stored nothing. */
  resultType: string | null;
}

/** The service could not be asked, or did not answer as it should. `busy`: it said to come back later, which is no failure. */
export class TranscoderError extends Error {
  readonly busy: boolean;

  constructor(message: string, { busy = false, cause }: { busy?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'TranscoderError';
    this.busy = busy;
  }
}

/** The longest text taken over from the service. */
const MAX_TEXT = 300;

const shortText = v.pipe(
  v.string(),
  v.transform((text) => text.slice(0, MAX_TEXT)),
);

const Started = v.object({ id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) });

const Status = v.object({
  status: v.picklist(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']),
  error: v.optional(v.unknown()),
  output: v.optional(v.unknown()),
});

const Output = v.object({
  note: v.nullish(shortText, null),
  durationMs: v.nullish(v.pipe(v.number(), v.finite(), v.minValue(0), v.transform(Math.round)), null),
  resultType: v.nullish(v.pipe(v.string(), v.regex(/^(?:video|audio)\/[\w.+-]{1,60}$/)), null),
});

/** A service that speaks RunPod's API of serverless endpoints: `POST /run`, `GET /status/{id}`, `POST /cancel/{id}`. */
export class Transcoder {
  readonly #url: string;
  readonly #key: string;
  readonly #timeoutMs: number;

  /** A call takes a third of a lease at most, which leaves time to write down what came of it. */
  constructor(env: Env) {
    this.#url = env.RUNPOD_URL.replace(/\/$/, '');
    this.#key = env.RUNPOD_API_KEY;
    this.#timeoutMs = (env.LEASE_SECONDS * 1000) / 3;
  }

  /**
   * Submits a run that may take `timeoutMs` and wait as long before it begins; the service forgets it after three times that, counted from
   * now. Returns its id. The service knows no idempotency keys: a delivery that dies before it has noted the id leaves a run behind, which
   * does the same work once more and stores it in the same place.
   */
  async submit(input: { mediaId: string; source: string; result: string }, timeoutMs: number): Promise<string> {
    const response = await this.#ask('POST', '/run', { input, policy: { executionTimeout: timeoutMs, ttl: 3 * timeoutMs } });
    const started = v.safeParse(Started, await jsonOf(await accepted(response)));
    if (!started.success) throw new TranscoderError('it named no run');
    return started.output.id;
  }

  /** Asks what became of a run. */
  async status(runId: string): Promise<Run> {
    const response = await this.#ask('GET', `/status/${encodeURIComponent(runId)}`);
    if (response.status === 404) {
      await dismiss(response);
      return { state: 'gone' };
    }
    const parsed = v.safeParse(Status, await jsonOf(await accepted(response)));
    if (!parsed.success) throw new TranscoderError('it named no state that there is');
    const { status, error, output } = parsed.output;
    switch (status) {
      case 'IN_QUEUE':
        return { state: 'waiting' };
      case 'IN_PROGRESS':
        return { state: 'working' };
      case 'COMPLETED':
        return { state: 'completed', result: resultOf(output) };
      case 'FAILED':
        return { state: 'failed', error: typeof error === 'string' ? error.slice(0, MAX_TEXT) : 'The file could not be read.' };
      case 'CANCELLED':
        return { state: 'failed', error: 'The transcoding was cancelled.' };
      case 'TIMED_OUT':
        return { state: 'failed', error: 'The transcoding took too long.' };
    }
  }

  /** Stops a run. One that has ended is left as it is. */
  async cancel(runId: string): Promise<void> {
    await dismiss(await accepted(await this.#ask('POST', `/cancel/${encodeURIComponent(runId)}`)));
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#key}` };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const init: RequestInit = { method, headers, redirect: 'manual', signal: AbortSignal.timeout(this.#timeoutMs) };
    if (body !== undefined) init.body = JSON.stringify(body);
    try {
      return await fetch(`${this.#url}${path}`, init);
    } catch (cause) {
      throw new TranscoderError('it did not answer', { cause });
    }
  }
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response;
  await dismiss(response);
  throw new TranscoderError(`it answered ${response.status}`, { busy: response.status === 429 });
}

/** A body that nobody reads holds one of the six connections that a request may have open. */
async function dismiss(response: Response): Promise<void> {
  await response.body?.cancel();
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new TranscoderError('its answer is no JSON', { cause });
  }
}

/** What else a service says in its output does no harm; what it says wrongly is as if it had not said it. */
function resultOf(output: unknown): RunResult {
  const parsed = v.safeParse(Output, output);
  return parsed.success ? parsed.output : { note: null, durationMs: null, resultType: null };
}
