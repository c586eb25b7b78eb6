import { announce } from './announce.ts';
import { backOffSeconds, pollDelaySeconds } from './back-off.ts';
import type { Env } from './env.ts';
import type { Job } from './jobs-table.ts';
import { JobsTable } from './jobs-table.ts';
import { logFailure } from './log.ts';
import { mediaUrl } from './media-url.ts';
import type { TranscodingMessage } from './message.ts';
import type { Run } from './transcoder.ts';
import { Transcoder, TranscoderError } from './transcoder.ts';

/** What is to become of the message: the job has ended, or there is none, or it is to be asked after again. */
export type Verdict = { next: 'done' } | { next: 'unknown-job' } | { next: 'again'; delaySeconds: number };

/** How long a run may take, and how long it may wait before it begins. Beyond both it is cancelled. */
const RUN_MS = 30 * 60_000;
const DEADLINE_MS = 2 * RUN_MS;

/** How often the service may fail a job before the job has failed: some quarter of an hour. */
const MAX_FAILURES = 12;

const DONE: Verdict = { next: 'done' };
const again = (delaySeconds: number): Verdict => ({ next: 'again', delaySeconds });

/**
 * Takes a job one step further: submits it, or asks what became of it. Nothing is held while the service works; the message comes
 * back instead. Whoever delivers a message twice, or kills a delivery anywhere in here, finds the job where D1 says it is.
 *
 * Rejects when D1 does.
 */
export async function deliver(env: Env, message: TranscodingMessage, attempts: number, random: () => number): Promise<Verdict> {
  const jobs = new JobsTable(env.DB);
  const lease = crypto.randomUUID();
  const now = Date.now();
  const claim = await jobs.claim(message, lease, now, env.LEASE_SECONDS * 1000);
  if (claim.found === 'nothing') return { next: 'unknown-job' };
  const { job } = claim;
  if (claim.found === 'busy') return again(Math.ceil((job.leaseUntil - now) / 1000) + 1);
  if (claim.found === 'ended') {
    // Said again, because the delivery that ended it may have died before it said so.
    await announce(env.CACHE_KV, job);
    return DONE;
  }
  const step = new Step(env, jobs, job, lease);
  try {
    return await (job.runId === null ? step.submit() : step.poll(job.runId, job.submittedAt ?? now));
  } catch (error) {
    if (!(error instanceof TranscoderError)) throw error;
    logFailure('transcoding service', error.cause ?? error);
    if (error.busy) {
      // No failure of the job's: the message's own count says how long this has gone on, so that it outlasts a busy hour.
      await jobs.release(job, lease);
      return again(backOffSeconds(attempts, random()));
    }
    if (job.failures + 1 >= MAX_FAILURES) return step.fail(`The transcoding service could not be used: ${error.message}.`);
    await jobs.complain(job, lease);
    return again(backOffSeconds(job.failures + 1, random()));
  }
}

/** One step of one job, by the delivery that holds its lease. */
class Step {
  readonly #env: Env;
  readonly #jobs: JobsTable;
  readonly #job: Job;
  readonly #lease: string;
  readonly #transcoder: Transcoder;

  constructor(env: Env, jobs: JobsTable, job: Job, lease: string) {
    this.#env = env;
    this.#jobs = jobs;
    this.#job = job;
    this.#lease = lease;
    this.#transcoder = new Transcoder(env);
  }

  async submit(): Promise<Verdict> {
    const { mediaId } = this.#job;
    const until = Math.ceil((Date.now() + DEADLINE_MS) / 1000);
    const { MEDIA_ORIGIN: origin, MEDIA_URL_SECRET: secret } = this.#env;
    const source = await mediaUrl(origin, mediaId, 'source', until, secret);
    const result = await mediaUrl(origin, mediaId, 'result', until, secret);
    const runId = await this.#transcoder.submit({ mediaId, source, result }, RUN_MS);
    const now = Date.now();
    if (await this.#jobs.submitted(this.#job, this.#lease, runId, now)) {
      await this.#say({ state: 'submitted', updatedAt: now });
    }
    return again(pollDelaySeconds(0, this.#env.POLL_SECONDS));
  }

  async poll(runId: string, submittedAt: number): Promise<Verdict> {
    const run = await this.#transcoder.status(runId);
    const now = Date.now();
    const elapsedMs = now - submittedAt;
    switch (run.state) {
      case 'completed':
        return this.#ready(run);
      case 'failed':
        return this.fail(run.error);
      case 'gone':
        if (this.#job.failures + 1 >= MAX_FAILURES) return this.fail('The transcoding service forgot the job again and again.');
        if (await this.#jobs.forgotten(this.#job, this.#lease, now)) await this.#say({ state: 'queued', updatedAt: now });
        return again(this.#env.POLL_SECONDS);
      case 'working':
      case 'waiting':
        if (elapsedMs > DEADLINE_MS) {
          await this.#transcoder.cancel(runId);
          return this.fail('The transcoding took too long.');
        }
        if (run.state === 'waiting' || this.#job.state === 'transcoding') await this.#jobs.release(this.#job, this.#lease);
        else if (await this.#jobs.transcoding(this.#job, this.#lease, now)) {
          await this.#say({ state: 'transcoding', updatedAt: now });
        }
        return again(pollDelaySeconds(elapsedMs, this.#env.POLL_SECONDS));
    }
  }

  /** Ends the job badly. Where another delivery has taken over, that one says how it ends. */
  async fail(error: string): Promise<Verdict> {
    const now = Date.now();
    if (!(await this.#jobs.failed(this.#job, this.#lease, error, now))) return again(1);
    await this.#say({ state: 'failed', error, updatedAt: now });
    return DONE;
  }

  async #ready({ result }: Extract<Run, { state: 'completed' }>): Promise<Verdict> {
    const now = Date.now();
    if (!(await this.#jobs.ready(this.#job, this.#lease, result, now))) return again(1);
    await this.#say({ state: 'ready', ...result, updatedAt: now });
    return DONE;
  }

  #say(changes: Partial<Job>): Promise<void> {
    return announce(this.#env.CACHE_KV, { ...this.#job, ...changes });
  }
}
