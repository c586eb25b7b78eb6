/** Writing so that a reader sees either the old file or the whole new one. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes through a neighbour and a rename. */
export function writeAtomically(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const neighbour = `${file}.${process.pid}`;
  writeFileSync(neighbour, text);
  renameSync(neighbour, file);
}

/** The parsed file, or undefined when it is missing or damaged. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** One fingerprint of several files' contents. */
export function fingerprint(...files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}
