import { startAccount, startDemo } from './account.js';
import { startAttempts } from './attempts.js';
import { byId } from './dom.js';
import { startLibrary } from './library.js';
import { clearLog } from './log.js';
import { showManage } from './manage.js';
import { showPurchases, startPurchases } from './purchases.js';

byId('clear-log', HTMLButtonElement).addEventListener('click', clearLog);
startAttempts();
await startLibrary();
startPurchases();
await startAccount((user) => {
  void showManage(user);
  void showPurchases(user);
});
await startDemo();
