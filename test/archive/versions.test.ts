import { test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import { makeDatabaseBeside } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { dumped, dumpedByPgDump, expectRefusal } from './dumped.js';

test.skipIf(!hasCommunity)(
  `a dump of a version that the target has not is refused, in words about the dump${hasCommunity ? '' : ' (skipped: needs the community edition)'}`,
  async () => {
    const databases = await makeReadings(await communityPair(), 'dump_of_newer');
    const [{ version } = { version: '' }] = await query<{ version: string }>(
      databases.source,
      "SELECT extversion AS version FROM pg_extension WHERE extname = 'timescaledb'",
    );
    const target = await makeDatabaseBeside((await apachePair()).target.url);
    for (const from of [await dumped(databases), await dumpedByPgDump(databases, '-Fc')]) {
      await expectRefusal({ ...databases, target }, from, {
        code: 'UNSUITABLE',
        says: [
          new RegExp(
            `expected TimescaleDB ${version}, the dump's version, on the target server, but the target server has [\\d., ]+$`,
            'm',
          ),
        ],
        advises: `Install TimescaleDB ${version} on the target server, or restore into a server that has it.`,
      });
    }
  },
);
