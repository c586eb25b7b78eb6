/** Whether something listens on a TCP port, and on which nothing does. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const PAUSE_MS = 200;

export async function isListening(host, port) {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Resolves once something does. */
export async function untilListening(host, port) {
  while (!(await isListening(host, port))) await wait(PAUSE_MS);
}

/** A port that nothing listens on. */
export async function freePort(host) {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
