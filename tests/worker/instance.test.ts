import { expect, it } from 'vitest';
import { instance, memoryBytes } from './support/core.ts';

it('writes into the memory that has grown since the last text', () => {
  const inside = instance();
  const now = Date.now();
  inside.enter(1, now, now, 60_000);
  inside.write('a text that was there before');
  inside.rewind();

  // Calls that wait for ever fill the memory; they read their key from what stands in the buffer.
  const before = memoryBytes();
  for (let calls = 0; calls < 100_000 && memoryBytes() === before; calls++) {
    inside.exports.enter(1, now, now, 60_000);
    inside.exports.lookUpEntry(3, 0, 1, 1, 0, 0);
  }
  expect(memoryBytes()).toBeGreaterThan(before);

  expect(inside.write('mine')).toBe(4);
  expect(inside.text(inside.exports.textAddress(), 4)).toBe('mine');
});
