/**
 * Which Debian mirror to ask: the one this machine already uses, so that proxies and local mirrors keep working.
 * `DEBIAN_MIRROR` overrides it, and is needed where apt knows none (Ubuntu).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whose signatures count: the package debian-archive-keyring, part of every Debian, under its old and its new name. */
export const DEBIAN_KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
];

/** The mirror's address, or undefined. */
export function debianMirror() {
  return process.env.DEBIAN_MIRROR || configuredMirrors()[0];
}

function configuredMirrors() {
  const directory = '/etc/apt/sources.list.d';
  const listed = existsSync(directory) ? readdirSync(directory) : [];
  const files = listed.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(directory, name));
  return ['/etc/apt/sources.list', ...files]
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .filter((word) => /^https?:\/\/.+\/debian\/?$/.test(word));
}
