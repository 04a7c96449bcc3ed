import { onTestFinished } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';

export interface Sessions {
  readonly source: Session;
  readonly target: Session;
  readonly urls: { readonly source: string; readonly target: string };
}

/** A session on each side, in databases that were filled by these scripts; they end with the test. */
export async function openSessions(name: string, sourceScript: string, targetSql = ''): Promise<Sessions> {
  const urls = await makeDatabases(await apachePair(), name, sourceScript);
  const source = await Session.open('source', parseConnection(urls.source));
  const target = await Session.open('target', parseConnection(urls.target));
  onTestFinished(async () => {
    await Promise.all([source.close(), target.close()]);
  });
  if (targetSql) await target.query(targetSql);
  return { source, target, urls };
}
