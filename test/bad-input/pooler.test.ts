import { test } from 'vitest';
import { apachePair } from '../integration/servers.js';
import { hasPgBouncer, startPgBouncer } from './pgbouncer.js';
import { altered, makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';

const title = hasPgBouncer ? '' : ' (skipped: this machine has no PgBouncer)';

for (const side of ['source', 'target'] as const) {
  for (const mode of ['session', 'transaction'] as const) {
    test.skipIf(!hasPgBouncer)(`a pooler in ${mode} mode before the ${side} is refused${title}`, async () => {
      const pair = await apachePair();
      const databases = await makeReadings(pair, `bad_pool_${side}_${mode}`);
      const port = await startPgBouncer(pair[side].port, mode);
      await expectRefusal(
        databases,
        {
          code: 'UNSUITABLE',
          says: [side, 'pooler'],
          advises: `--${side}`,
        },
        { [side]: altered(databases[side], { port: String(port) }) },
      );
    });
  }
}
