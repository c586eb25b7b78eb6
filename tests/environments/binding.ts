/** What a binding is to: a store, another worker, an object; or a plain value. */
export type Kind = 'kv' | 'd1' | 'r2' | 'queue' | 'object' | 'service' | 'assets' | 'email' | 'dataset' | 'value';

/** One binding of a worker's configuration. */
export interface Binding {
  name: string;
  kind: Kind;
  /** What there is one of in an account: a namespace, a database, a bucket, a queue, a worker. Absent where nothing is shared. */
  id?: string;
  /** Of a service: what it asks for of that worker. */
  entrypoint?: string;
}

/** One member of a worker's `Env` type. */
export interface Member {
  name: string;
  optional: boolean;
  /** Which kinds of binding can be it. */
  kinds: readonly Kind[];
}

export const ENVIRONMENTS = ['local', 'development', 'staging', 'production'] as const;

/** Where a worker runs. `local` is the top level of its wrangler.toml, which is never deployed. */
export type Environment = (typeof ENVIRONMENTS)[number];

/** A worker in one environment. */
export interface Placed {
  /** Its name there. */
  name: string;
  /** Workers of one platform share what they bind by the same name; of two, they share nothing. */
  platform: string;
  environment: Environment;
  members: readonly Member[];
  bindings: readonly Binding[];
  /** What it has one of in an account beside its bindings: the queues it consumes. */
  ids: readonly string[];
  /** The entry points other workers may bind. */
  exports: readonly string[];
}
