import { expect, test } from 'vitest';
import { hasPgBouncer, startPgBouncer } from '../bad-input/pgbouncer.js';
import { makeDatabases } from '../integration/databases.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

const title = hasPgBouncer ? '' : ' (skipped: this machine has no PgBouncer)';

test.skipIf(!hasPgBouncer)(`pooler names the side before which one stands${title}`, async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_pooler', '');
  await expectSilent(databases, 'pooler');
  for (const side of ['source', 'target'] as const) {
    const port = await startPgBouncer(pair[side].port, 'session');
    const pooled = { ...databases, [side]: altered(databases[side], { port: String(port) }) };
    const { mend } = await expectFires(pooled, {
      id: 'pooler',
      severity: 'blocker',
      says: `connection to the ${side} server itself`,
    });
    expect(mend).toContain(`--${side}`);
  }
});
