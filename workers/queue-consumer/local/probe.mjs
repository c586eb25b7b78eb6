// Looks into a file for what kind it is and how long it plays, without decoding anything.

/** How a file begins: name, offset, and the bytes there. */
const BEGINNINGS = [
  ['WAV', 8, 'WAVE'],
  ['AVI', 8, 'AVI '],
  ['MP4', 4, 'ftyp'],
  ['WebM', 0, '\x1a\x45\xdf\xa3'],
  ['Ogg', 0, 'OggS'],
  ['FLAC', 0, 'fLaC'],
  ['MP3', 0, 'ID3'],
  ['MP3', 0, '\xff\xfb'],
];

/**
 * Names a file's kind, and its length in milliseconds where it is written down plainly; null for what is no video or audio.
 * @param {Buffer} bytes
 * @returns {{ kind: string, durationMs: number | null } | null}
 */
export function probe(bytes) {
  const found = BEGINNINGS.find(([, at, text]) => bytes.toString('latin1', at, at + text.length) === text);
  if (found === undefined) return null;
  const [kind] = found;
  return { kind, durationMs: kind === 'WAV' ? wavDuration(bytes) : kind === 'MP4' ? mp4Duration(bytes) : null };
}

/** RIFF: chunks of a name, a length and so many bytes, padded to even. */
function wavDuration(bytes) {
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    if (name === 'fmt ' && at + 20 <= bytes.length) bytesPerSecond = bytes.readUInt32LE(at + 16);
    if (name === 'data') return bytesPerSecond > 0 ? Math.round((length * 1000) / bytesPerSecond) : null;
    at += 8 + length + (length % 2);
  }
  return null;
}

/** ISO 14496-12: the movie header says how many units it plays, and how many of them are a second. */
function mp4Duration(bytes) {
  const at = bytes.indexOf('mvhd', 0, 'latin1') + 4;
  if (at < 4 || at + 32 > bytes.length) return null;
  const long = bytes[at] === 1;
  const scale = bytes.readUInt32BE(at + (long ? 20 : 12));
  const units = long ? Number(bytes.readBigUInt64BE(at + 24)) : bytes.readUInt32BE(at + 16);
  return scale > 0 ? Math.round((units * 1000) / scale) : null;
}
