import * as Field from './codex-core.field.js';
import type { Instance } from './instance.js';

/** No list of tags and no digest of ours is longer: KV keeps 1,024 bytes of metadata. */
const OWN_UNITS = 1024;

/**
 * What lies beside a cached value in KV metadata, under short names: when it was made, how long it is fresh, served while it is
 * loaded anew, and served where loading fails, how long it took to load (all in milliseconds), whether it is a null, the version
 * of this format, its tags with their epochs, and the digest of a key that was shortened.
 */
export interface EntryFacts {
  c: number;
  s: number;
  g: number;
  e: number;
  d: number;
  n: number;
  x: number;
  t: string;
  k: string;
}

/** What a record without metadata says of itself. */
export const NO_FACTS: EntryFacts = { c: Number.NaN, s: Number.NaN, g: 0, e: 0, d: 0, n: 0, x: 0, t: '', k: '' };

/** Reads the facts out of metadata, whatever it is. Throws what its getters throw. */
export function entryFactsOf(metadata: unknown): EntryFacts {
  if (typeof metadata !== 'object' || metadata === null) return NO_FACTS;
  const { c, s, g, e, d, n, x, t, k } = metadata as Record<string, unknown>;
  return {
    c: numberOr(c, Number.NaN),
    s: numberOr(s, Number.NaN),
    g: numberOr(g, 0),
    e: numberOr(e, 0),
    d: numberOr(d, 0),
    n: numberOr(n, 0),
    x: numberOr(x, 0),
    t: typeof t === 'string' ? t : '',
    k: typeof k === 'string' ? k : '',
  };
}

/** Writes the texts in the order in which the core reads them, and returns their lengths. */
export function writeEntryTexts(instance: Instance, facts: EntryFacts): [tags: number, keyDigest: number] {
  return [instance.writeHead(facts.t, OWN_UNITS), instance.writeHead(facts.k, OWN_UNITS)];
}

/** The metadata of the entry that the reply asks to put: what is 0 or empty is left out. */
export function metadataIn(instance: Instance): Partial<EntryFacts> {
  const reply = instance.reply();
  const metadata: Partial<EntryFacts> = { c: reply[Field.Created] as number, s: reply[Field.FreshMs] as number };
  if (reply[Field.StaleMs]) metadata.g = reply[Field.StaleMs] as number;
  if (reply[Field.ErrorMs]) metadata.e = reply[Field.ErrorMs] as number;
  if (reply[Field.LoadMs]) metadata.d = reply[Field.LoadMs] as number;
  if (reply[Field.Negative]) metadata.n = 1;
  if (reply[Field.KeyDigestLength]) metadata.k = textIn(instance, Field.KeyDigestAddress, Field.KeyDigestLength);
  if (reply[Field.TagsLength]) metadata.t = textIn(instance, Field.TagsAddress, Field.TagsLength);
  return metadata;
}

function textIn(instance: Instance, address: number, length: number): string {
  return instance.text(instance.int(address), instance.int(length));
}

/** A number as it is; what is not there as `absent`, and anything else as NaN. */
function numberOr(value: unknown, absent: number): number {
  if (value === undefined) return absent;
  return typeof value === 'number' ? value : Number.NaN;
}
