/** Every problem this worker answers with. `type` in the body is `urn:codex:problem:` and one of these. */
export type ProblemName =
  | 'malformed-body'
  | 'invalid-input'
  | 'unsupported-media-type'
  | 'body-too-large'
  | 'foreign-origin'
  | 'wrong-credentials'
  | 'not-signed-in'
  | 'forbidden'
  | 'not-found'
  | 'too-many-attempts'
  | 'length-required'
  | 'bad-signature'
  | 'storage-unavailable'
  | 'too-many-requests'
  | 'link-expired'
  | 'confirmation-needed'
  | 'revocation-incomplete'
  | 'reset-incomplete'
  | 'database-unavailable'
  | 'webhooks-unavailable'
  | 'internal';

type ProblemStatus = 400 | 401 | 403 | 404 | 409 | 410 | 411 | 413 | 415 | 429 | 500 | 503;

interface ProblemInit {
  /** Further members of the body. */
  members?: Record<string, unknown>;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An answer that is not the one asked for: thrown anywhere, sent as `application/problem+json` (RFC 9457). */
export class HttpProblem extends Error {
  readonly problem: ProblemName;
  readonly status: ProblemStatus;
  readonly title: string;
  readonly members: Record<string, unknown>;
  readonly headers: Record<string, string>;

  /** `detail` is read by people: a whole sentence that says what to do next. */
  constructor(problem: ProblemName, status: ProblemStatus, title: string, detail: string, init: ProblemInit = {}) {
    super(detail, { cause: init.cause });
    this.name = 'HttpProblem';
    this.problem = problem;
    this.status = status;
    this.title = title;
    this.members = init.members ?? {};
    this.headers = init.headers ?? {};
  }

  /** The body, before `served` is added to it. */
  body(): Record<string, unknown> {
    return {
      type: `urn:codex:problem:${this.problem}`,
      title: this.title,
      status: this.status,
      detail: this.message,
      ...this.members,
    };
  }
}

/** The problems that more than one route has. */
export const problems = {
  notFound: (): HttpProblem => new HttpProblem('not-found', 404, 'Not found', 'There is nothing at this address.'),

  notSignedIn: (): HttpProblem =>
    new HttpProblem('not-signed-in', 401, 'Not signed in', 'Sign in first.', { members: { user: null } }),

  databaseUnavailable: (cause: unknown): HttpProblem =>
    new HttpProblem(
      'database-unavailable',
      503,
      'Database unavailable',
      'The database did not answer. Try again in a moment.',
      {
        headers: { 'Retry-After': '5' },
        cause,
      },
    ),

  internal: (cause: unknown): HttpProblem =>
    new HttpProblem('internal', 500, 'Internal error', 'Something went wrong here. Try again in a moment.', { cause }),
};
