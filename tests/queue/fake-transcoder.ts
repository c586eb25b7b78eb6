type RunStatus = 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT';

interface FakeRun {
  id: string;
  mediaId: string;
  status: RunStatus;
  output?: unknown;
  error?: unknown;
}

/** How a call goes wrong: the service answers so, or never. */
export type Trouble = number | 'silence' | 'nonsense';

/**
 * A transcoding service that behaves as RunPod's endpoints do, in memory, and does nothing with files: a run stays as it is until the test
 * moves it, or with `quick`, is completed when it is first asked after.
 */
export class FakeTranscoder {
  /** Every run, in the order in which they were submitted. */
  readonly runs: FakeRun[] = [];
  /** What the input of each said. */
  readonly inputs: unknown[] = [];
  /** How long each may take and be kept, as it was asked for. */
  readonly policies: unknown[] = [];
  /** The calls to come that go wrong, first of all. */
  readonly troubles: Trouble[] = [];
  readonly #key: string;
  readonly #quick: boolean;
  calls = 0;

  constructor(key: string, { quick = false } = {}) {
    this.#key = key;
    this.#quick = quick;
  }

  /** How often a medium was submitted. */
  submissions(mediaId: string): number {
    return this.runs.filter((run) => run.mediaId === mediaId).length;
  }

  /** Moves the last run of a medium. */
  move(mediaId: string, status: RunStatus, said: { output?: unknown; error?: unknown } = {}): void {
    const run = this.runs.findLast((each) => each.mediaId === mediaId);
    if (run === undefined) throw new Error(`nothing was submitted for ${mediaId}`);
    Object.assign(run, { status, ...said });
  }

  /** Forgets every run, as RunPod does half an hour after it has ended. */
  forget(): void {
    this.runs.length = 0;
  }

  /** Answers a request. */
  readonly fetch = async (request: Request): Promise<Response> => {
    this.calls += 1;
    const trouble = this.troubles.shift();
    if (trouble === 'silence') return silence(request.signal);
    if (trouble === 'nonsense') return new Response('<html>', { status: 200 });
    if (trouble !== undefined) return Response.json({ error: 'trouble' }, { status: trouble });
    if (request.headers.get('Authorization') !== `Bearer ${this.#key}`) {
      return Response.json({ error: 'unauthorized' }, { status: 401 });
    }
    const [, verb, id] = /^\/v2\/[\w-]+\/(run|status|cancel)(?:\/([\w-]+))?$/.exec(new URL(request.url).pathname) ?? [];
    if (verb === 'run') return this.#run(request);
    const run = this.runs.find((each) => each.id === id);
    if (run === undefined) return Response.json({ error: 'job not found' }, { status: 404 });
    if (verb === 'cancel' && ['IN_QUEUE', 'IN_PROGRESS'].includes(run.status)) run.status = 'CANCELLED';
    if (verb === 'status' && this.#quick && run.status === 'IN_QUEUE') run.status = 'COMPLETED';
    const { status, output, error } = run;
    return Response.json({ id, status, output, error });
  };

  async #run(request: Request): Promise<Response> {
    const { input, policy } = (await request.json()) as {
      input?: { mediaId?: unknown; source?: unknown; result?: unknown };
      policy?: unknown;
    };
    if (typeof input?.source !== 'string' || typeof input.result !== 'string') {
      return Response.json({ error: 'input: source and result' }, { status: 400 });
    }
    const run: FakeRun = { id: crypto.randomUUID(), mediaId: String(input.mediaId), status: 'IN_QUEUE' };
    this.runs.push(run);
    this.inputs.push(input);
    this.policies.push(policy);
    return Response.json({ id: run.id, status: run.status });
  }
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
