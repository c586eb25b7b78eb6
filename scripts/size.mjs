/** `npm test -- size`: weighs what a Worker ships of the package, minified and gzipped, against its budget. */
import { main } from './lib/main.mjs';
import { SIZE_LIMIT_BYTES, shippedParts } from './lib/shipped-size.mjs';

await main(() => {
  const parts = shippedParts();
  const total = parts.reduce((sum, part) => sum + part.gzipped, 0);
  for (const { label, bytes, gzipped } of parts) console.log(`${label.padEnd(14)}${bytes} bytes, ${gzipped} gzipped`);
  const percent = ((100 * total) / SIZE_LIMIT_BYTES).toFixed(0);
  console.log(`${'total'.padEnd(14)}${total} gzipped, ${percent} % of ${SIZE_LIMIT_BYTES}`);
  return total <= SIZE_LIMIT_BYTES ? 0 : 1;
});
