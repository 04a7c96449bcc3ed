import { expect, test } from 'vitest';
import { extensionsOfDump } from '../../src/check/extensions.js';
import { makeDatabases } from '../integration/databases.js';
import { runScript } from '../integration/sql.js';
import { expectFires, expectSilent, findingsOfCheck } from './findings.js';
import { checkPair } from './pair.js';

const IDS = ['extension-missing', 'extension-version'] as const;

test('extensions that the target has at the source’s versions are no matter, old versions among them', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_extensions',
    `CREATE EXTENSION timescaledb; CREATE EXTENSION "uuid-ossp"; CREATE SCHEMA apart; CREATE EXTENSION hstore SCHEMA apart VERSION '1.4';`,
  );
  for (const id of IDS) await expectSilent(databases, id);
});

test('extension-missing names what the target server cannot make, and its mend helps', async () => {
  // Both servers have the same files; only the catalog can name an extension that none has.
  const databases = await makeDatabases(
    await checkPair(),
    'check_extension_missing',
    `CREATE EXTENSION hstore; CREATE EXTENSION citext;
     UPDATE pg_extension SET extname = 'my ext' WHERE extname = 'hstore';`,
  );
  const { mend } = await expectFires(databases, {
    id: 'extension-missing',
    severity: 'blocker',
    objects: ['my ext'],
  });
  const drop = mend.slice(mend.indexOf('DROP EXTENSION'));
  await runScript(databases.programs, databases.source, drop);
  await expectSilent(databases, 'extension-missing');
});

test('extension-version names the version that the target lacks, and those that it has', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_extension_version',
    `CREATE EXTENSION hstore; CREATE EXTENSION citext;
     UPDATE pg_extension SET extversion = '0.7' WHERE extname = 'hstore';`,
  );
  const { objects } = await expectFires(databases, { id: 'extension-version', severity: 'warning' });
  expect(objects).toEqual([expect.stringMatching(/^hstore 0\.7 \(the target has .*1\.8.*\)$/)]);
  await expectSilent(databases, 'extension-missing');
});

test('extension-missing of a dump does not advise what leaves the dump as it is', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_dumped_extension',
    'CREATE EXTENSION citext',
  );
  const [missing] = await findingsOfCheck(extensionsOfDump, databases, ({ target, ...checked }) => ({
    ...checked,
    target: { ...target, inventory: { ...target.inventory, availableVersions: new Map() } },
  }));
  expect(missing).toMatchObject({ id: 'extension-missing', severity: 'blocker', objects: ['citext'] });
  expect(missing?.mend).toMatch(/--only TABLE .*, or drop them on the source and dump again\.$/);
});
