import * as v from 'valibot';

/** What the api worker puts into the queue: which job to see through, and of which medium. */
export const TranscodingMessage = v.object({ jobId: v.pipe(v.string(), v.uuid()), mediaId: v.pipe(v.string(), v.uuid()) });

/** A message of the queue of jobs. */
export type TranscodingMessage = v.InferOutput<typeof TranscodingMessage>;

/**
 * What is put into the dead-letter queue here: the message's body with its own id, so that one that is put there twice, by a
 * delivery that died before it could acknowledge, is still one. What the queue puts there by itself is the bare body.
 */
export const DeadLetter = v.object({
  deadLetter: v.object({ id: v.string(), reason: v.picklist(['malformed', 'unknown-job']), body: v.unknown() }),
});

/** A message of the dead-letter queue that was put there here. */
export type DeadLetter = v.InferOutput<typeof DeadLetter>;
