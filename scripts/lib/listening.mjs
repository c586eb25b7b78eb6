/** Whether something listens on a TCP port. */
import { once } from 'node:events';
import { connect } from 'node:net';
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
