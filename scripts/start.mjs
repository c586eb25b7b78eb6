/**
 * `npm start`: sets up, builds, prepares the local database, and runs the api worker under `wrangler dev` with its data
 * kept in .wrangler/state. Needs no network once it is set up. PORT chooses another port.
 */
import { build } from './build.mjs';
import { toolEnvironment } from './lib/environment.mjs';
import { Failure } from './lib/failure.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/paths.mjs';
import { show, stopIsSuccess } from './lib/run.mjs';
import { isListening, untilListening } from './lib/listening.mjs';
import { setup } from './setup.mjs';

const HOST = '127.0.0.1';
const STATE = '.wrangler/state';

await main(async () => {
  const port = Number(process.env.PORT || 8787);
  if (await isListening(HOST, port)) {
    throw new Failure(`port ${port} is in use`, ['stop what uses it, or choose another: PORT=8788 npm start']);
  }
  const toolchain = await setup();
  await build(toolchain);
  const options = { cwd: root, env: toolEnvironment(toolchain) };

  const prepared = await show('node', ['workers/api/scripts/prepare-local.mjs', '--persist-to', STATE], options);
  if (prepared !== 0) throw new Failure('the local database could not be prepared', ['read the message above']);

  stopIsSuccess();
  const server = show(
    'wrangler',
    ['dev', '--ip', HOST, '--port', String(port), '--persist-to', STATE, '--show-interactive-dev-session=false'],
    // In a group of its own: the terminal's Ctrl-C would otherwise reach it twice, and the second one is a hard stop.
    { ...options, detached: true, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  untilListening(HOST, port).then(() => {
    console.log(`\n  Ready. Open http://${HOST}:${port}/ in a browser.`);
    console.log(`  Ctrl-C stops it; the data stays in ${STATE} until you delete it.\n`);
  });
  const code = await server;
  console.error(`\nwrangler dev ended by itself (${code}); see its messages above.`);
  process.exit(1);
});
