import { startAccount, startDemo } from './account.js';
import { startAttempts } from './attempts.js';
import { byId } from './dom.js';
import { startLibrary } from './library.js';
import { clearLog } from './log.js';
import { openMailedLink } from './mailed-link.js';
import { showManage } from './manage.js';
import { startOutbox } from './outbox.js';
import { startPurge } from './purge.js';
import { startRegister } from './register.js';
import { showSecurity, startSecurity } from './security.js';

byId('clear-log', HTMLButtonElement).addEventListener('click', clearLog);
startAttempts();
await startLibrary();
startRegister();
startSecurity();
startPurge();
await startAccount((user) => {
  void showManage(user);
  void showSecurity(user);
});
await startDemo();
await startOutbox();
await openMailedLink();
