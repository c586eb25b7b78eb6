/**
 * `npm start`: sets up, builds, prepares the local database, and runs all workers in one `wrangler dev`, with their data kept in
 * .wrangler/state, and the transcoding service that they ask. Needs no network once it is set up. PORT chooses another port, CODEX_STATE
 * another folder for the data.
 */
import { build } from './build.mjs';
import { toolEnvironment } from './lib/environment.mjs';
import { Failure } from './lib/failure.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/paths.mjs';
import { freePort, isListening, untilListening } from './lib/listening.mjs';
import { localSecrets, resumeJobs, transcodingService, workerConfigs } from './lib/local-workers.mjs';
import { show, stopAll, stopIsSuccess } from './lib/run.mjs';
import { setup } from './setup.mjs';

const HOST = '127.0.0.1';
const STATE = process.env.CODEX_STATE || '.wrangler/state';

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
  const servicePort = await freePort(HOST);
  const origin = `http://${HOST}:${port}`;
  const environment = {
    ...options.env,
    ...localSecrets(),
    RUNPOD_URL: `http://${HOST}:${servicePort}/v2/local`,
    MEDIA_ORIGIN: origin,
  };
  const service = show('node', [transcodingService, '--port', String(servicePort)], {
    ...options,
    env: environment,
    // Its own group, as below.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  service.then((code) =>
    console.error(`\nThe transcoding service ended by itself (${code}); uploads wait until the next start.`),
  );
  const server = show(
    'wrangler',
    [
      ...['dev', ...workerConfigs().flatMap((file) => ['--config', file])],
      ...['--ip', HOST, '--port', String(port), '--persist-to', STATE, '--show-interactive-dev-session=false'],
    ],
    // In a group of its own: the terminal's Ctrl-C would otherwise reach it twice, and the second one is a hard stop.
    { ...options, env: environment, detached: true, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  untilListening(HOST, port).then(async () => {
    console.log(`\n  Ready. Open ${origin}/ in a browser.`);
    console.log(`  Ctrl-C stops it; the data stays in ${STATE} until you delete it.\n`);
    if (!(await resumeJobs(origin).catch(() => false)))
      console.error('Jobs that an earlier run left behind could not be resumed.');
  });
  const code = await server;
  console.error(`\nwrangler dev ended by itself (${code}); see its messages above.`);
  await stopAll();
  process.exit(1);
});
