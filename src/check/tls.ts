import { isOnThisMachine } from '../postgres/connection-string.js';
import type { Check, RestoreChecked } from './finding.js';

const READ_TLS = 'SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()';

/** Whether what goes to the target can be read on the way. */
export const tls: Check<Pick<RestoreChecked, 'target'>> = async ({ target }) => {
  const [row] = await target.session.query<{ ssl: boolean }>(READ_TLS);
  if (row?.ssl !== false || isOnThisMachine(target.connection)) return [];
  return [
    {
      id: 'tls',
      severity: 'warning',
      found: 'the connection to the target is not encrypted, and the target is not on this machine',
      objects: target.connection.hosts.map(({ host }) => host),
      why: 'Rows and passwords can be read on the way.',
      mend: 'Add sslmode=require, or better verify-full with sslrootcert, to the target’s URL.',
    },
  ];
};
