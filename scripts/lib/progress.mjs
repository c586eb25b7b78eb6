/**
 * Says what a slow step is doing and how far it is: a line when it starts, one every few seconds, one when it ends.
 * Each names the step, since several may be under way. A step that is over at once says nothing.
 */

const PATIENCE_MS = 400;
const EVERY_MS = 4_000;

/**
 * @param {string} title what is being done
 * @param {() => string} measure how far it is, in a few words, or ''
 * @param {() => Promise<T>} body
 * @template T
 */
export async function withProgress(title, measure, body) {
  const begun = Date.now();
  const seconds = () => `${Math.round((Date.now() - begun) / 1_000)} s`;
  let announced = false;
  const announce = setTimeout(() => {
    announced = true;
    console.log(`${title} ...`);
  }, PATIENCE_MS);
  const repeat = setInterval(() => console.log(`  ${title}: ${[measure(), seconds()].filter(Boolean).join(', ')}`), EVERY_MS);
  try {
    const result = await body();
    if (announced) console.log(`  ${title}: done in ${seconds()}`);
    return result;
  } finally {
    clearTimeout(announce);
    clearInterval(repeat);
  }
}
