/** What this worker answers with when it does not take an event. `type` in the body is `urn:codex:problem:` and one of these. */
export type ProblemName = 'bad-signature' | 'body-too-large' | 'event-held' | 'not-found' | 'unavailable';

interface Problem {
  status: number;
  title: string;
  detail: string;
  retryAfterSeconds?: number;
}

const PROBLEMS: Record<ProblemName, Problem> = {
  // One answer for every reason, so that nobody learns by asking how near a forged signature came.
  'bad-signature': { status: 400, title: 'Bad signature', detail: 'The signature of this request could not be verified.' },
  'body-too-large': { status: 413, title: 'Body too large', detail: 'The body of this request is larger than any event.' },
  // Stripe delivers again whatever is not a 2xx; a 409 says that nothing is broken, which a 5xx would.
  'event-held': {
    status: 409,
    title: 'Event in progress',
    detail: 'Another delivery of this event is being worked on. Deliver it again later.',
    retryAfterSeconds: 60,
  },
  'not-found': { status: 404, title: 'Not found', detail: 'There is nothing at this address.' },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    detail: 'The event could not be taken. Deliver it again later.',
    retryAfterSeconds: 60,
  },
};

/** Answers that an event has been taken. */
export function answerReceived(outcome: string): Response {
  return Response.json({ received: true, outcome }, { headers: { 'Cache-Control': 'no-store' } });
}

/** Answers with a problem, as `application/problem+json` (RFC 9457). */
export function answerProblem(name: ProblemName): Response {
  const { retryAfterSeconds, ...members } = PROBLEMS[name];
  const headers = new Headers({ 'Content-Type': 'application/problem+json; charset=utf-8', 'Cache-Control': 'no-store' });
  if (retryAfterSeconds !== undefined) headers.set('Retry-After', String(retryAfterSeconds));
  return new Response(JSON.stringify({ type: `urn:codex:problem:${name}`, ...members }), { status: members.status, headers });
}
