import type Stripe from 'stripe';
import * as v from 'valibot';

/**
 * What an event changes: the statements of one D1 batch, none where it changes nothing. Events come in any order, so
 * statements of two events must come to the same in either. Throws `UnusableEvent`.
 */
export type Effect = (db: D1Database, event: Stripe.Event) => D1PreparedStatement[];

/** An event that lacks what its effect needs. */
export class UnusableEvent extends Error {
  readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    super(`unusable: ${fields.join(', ')}`);
    this.name = 'UnusableEvent';
    this.fields = fields;
  }
}

/** A user's or a content's id, as this application makes them. */
export const Id = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/));

/** An id of Stripe's. */
const StripeId = v.pipe(v.string(), v.regex(/^\w{1,255}$/));

/** A reference, which Stripe gives as an id, as the object itself where it was asked to, or not at all. */
export const Reference = v.nullish(
  v.union([
    StripeId,
    v.pipe(
      v.object({ id: StripeId }),
      v.transform(({ id }) => id),
    ),
  ]),
);

/** An amount in a currency's smallest unit. */
export const Amount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Reads what an effect needs from the object that an event is about. Throws `UnusableEvent`, with the fields' names alone. */
export function objectOf<Schema extends v.GenericSchema>(event: Stripe.Event, schema: Schema): v.InferOutput<Schema> {
  const result = v.safeParse(schema, event.data.object);
  if (result.success) return result.output;
  throw new UnusableEvent([...new Set(result.issues.map((issue) => v.getDotPath(issue) ?? 'object'))]);
}
