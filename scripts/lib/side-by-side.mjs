/** Runs suites two at a time: most wait for a clock, a store or a server half the time, and the other half is the compilers'. */

const AT_ONCE = 2;
const EVERY_MS = 20_000;

/** Starts them in their order, but never two at once with the same `uses`; `run` resolves when one has ended. */
export async function sideBySide(suites, run) {
  const waiting = new Set(suites);
  const running = new Map();
  const isFree = ({ uses }) => uses === undefined || ![...running.keys()].some((other) => other.uses === uses);
  const repeat = setInterval(() => {
    const each = [...running].map(([{ name }, { begun }]) => `${name} ${Math.round((Date.now() - begun) / 1_000)} s`);
    console.log(`under way: ${each.join(', ')}; ${waiting.size} to come`);
  }, EVERY_MS);
  try {
    while (waiting.size > 0) {
      const next = running.size < AT_ONCE ? [...waiting].find(isFree) : undefined;
      if (next) {
        waiting.delete(next);
        running.set(next, { begun: Date.now(), end: run(next).finally(() => running.delete(next)) });
      } else {
        await Promise.race([...running.values()].map(({ end }) => end));
      }
    }
    await Promise.all([...running.values()].map(({ end }) => end));
  } finally {
    clearInterval(repeat);
  }
}
