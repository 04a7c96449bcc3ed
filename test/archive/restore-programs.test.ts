import { expect, onTestFinished, test } from 'vitest';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { hasProgram } from './by-readme.js';
import { dumped, dumpedByPgDump, expectRefusal, temporaryFolder } from './dumped.js';
import { restored } from './restores.js';

/** `large` is so much that the program compresses it; `small` is left to gzip. */
const TABLES = `
CREATE TABLE large AS SELECT md5(n::text) AS a FROM generate_series(1, 30000) n;
CREATE TABLE small AS SELECT 1 AS a;`;

/** Makes PATH a folder without any program, for the rest of the test. */
async function loseAllPrograms(): Promise<void> {
  const path = process.env.PATH;
  onTestFinished(() => {
    process.env.PATH = path;
  });
  process.env.PATH = await temporaryFolder();
}

for (const program of ['lz4', 'zstd'] as const) {
  const ways: Readonly<Record<string, (databases: Databases) => Promise<string>>> = {
    'a dump': (databases) => dumped(databases, { compression: { algorithm: program } }),
    'a folder of pg_dump': (databases) => dumpedByPgDump(databases, '-Fd', '-Z', program),
    'a file of pg_dump': (databases) => dumpedByPgDump(databases, '-Fc', '-Z', program),
  };
  const reason = hasProgram(program) ? '' : ` (skipped: no program ${program})`;
  for (const [what, make] of Object.entries(ways)) {
    test.skipIf(reason)(
      `${what} that only ${program} reads is refused without that program, before anything is changed${reason}`,
      async () => {
        const name = `lacks_${program}_${what.replaceAll(/\W/g, '_')}`;
        const databases = await makeDatabases(await apachePair(), name, TABLES);
        const from = await make(databases);
        await loseAllPrograms();
        await expectRefusal(databases, from, {
          code: 'CLIENT_PROGRAM',
          says: [`expected the program ${program} in a folder of PATH`],
          advises: `apt install ${program}`,
        });
      },
    );
  }
}

const reason = hasProgram('zstd') ? '' : ' (skipped: no program zstd)';

test.skipIf(reason)(`what no program is needed for is restored without it${reason}`, async () => {
  const databases = await makeDatabases(await apachePair(), 'lacks_no_program', TABLES);
  const from = await dumped(databases, { compression: { algorithm: 'zstd' } });
  await loseAllPrograms();
  await restored(from, databases, { only: ['small'] });
  expect(await queryValue(databases.target, 'SELECT count(*) FROM small')).toBe('1');
  await restored(from, databases, { only: ['large'], schemaOnly: true, cleanTarget: true });
  expect(await queryValue(databases.target, 'SELECT count(*) FROM large')).toBe('0');
});
