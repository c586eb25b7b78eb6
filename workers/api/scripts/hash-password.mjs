// Prints the stored form of a password, for workers/api/local/seed.sql:
//   npm run hash-password -w @codex/api-worker -- 'the password'
import { hashPassword } from '../src/auth/password.ts';

const [password] = process.argv.slice(2);
if (!password) {
  console.error("usage: npm run hash-password -w @codex/api-worker -- 'the password'");
  process.exit(2);
}
console.log(await hashPassword(password));
