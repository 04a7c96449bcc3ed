import { makeManagedTarget } from './managed-target.js';

/** `npx tsx test/managed/make.ts SERVER_URL [VERSION]`: makes a managed target by hand, and prints its URL. */
const [url, version] = process.argv.slice(2);
if (url === undefined) {
  process.stderr.write('usage: npx tsx test/managed/make.ts SERVER_URL [VERSION]\n');
  process.exitCode = 2;
} else {
  const managed = await makeManagedTarget({ url }, version === undefined ? {} : { version });
  process.stdout.write(`${managed.url}\n`);
}
