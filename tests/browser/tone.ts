const RATE = 8000;

/** A WAV file: a tone of so many seconds, 8-bit mono. */
export function tone(seconds: number): Uint8Array<ArrayBuffer> {
  const samples = RATE * seconds;
  const bytes = new Uint8Array(44 + samples);
  const view = new DataView(bytes.buffer);
  const text = (at: number, letters: string): void => bytes.set(new TextEncoder().encode(letters), at);
  text(0, 'RIFF');
  view.setUint32(4, 36 + samples, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  text(36, 'data');
  view.setUint32(40, samples, true);
  for (let at = 0; at < samples; at++) bytes[44 + at] = 128 + Math.round(60 * Math.sin((at * 2 * Math.PI * 440) / RATE));
  return bytes;
}
