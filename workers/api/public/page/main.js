import { startAccount, startDemo } from './account.js';
import { startAttempts } from './attempts.js';
import { byId } from './dom.js';
import { startLibrary } from './library.js';
import { clearLog } from './log.js';
import { showManage } from './manage.js';
import { showPurchases, startPurchases } from './purchases.js';
import { showMedia, startMedia } from './media.js';

byId('clear-log', HTMLButtonElement).addEventListener('click', clearLog);
startAttempts();
await startLibrary();
startPurchases();
startMedia();
await startAccount((user) => {
  void showManage(user);
  void showPurchases(user);
  void showMedia(user);
});
await startDemo();
