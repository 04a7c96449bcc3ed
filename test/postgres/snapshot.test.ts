import { expect, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { databaseError } from '../../src/postgres/database-error.js';
import { Session } from '../../src/postgres/session.js';
import { exportSnapshot, withSnapshot } from '../../src/postgres/snapshot.js';
import { query } from '../integration/sql.js';
import { openSessions } from './sessions.js';

const asIs = (error: unknown): unknown => error;

test('the first statements see what the snapshot sees, and their rows come with the begin', async () => {
  const { source, urls } = await openSessions('snapshot_first', 'CREATE TABLE public.t AS SELECT 1 AS n');
  const holder = await Session.open('source', parseConnection(urls.source));
  try {
    const snapshot = await exportSnapshot(holder);
    await query(urls.source, 'INSERT INTO t VALUES (2)');
    const first = { sql: 'LOCK TABLE public.t IN ACCESS SHARE MODE; SELECT n FROM public.t', explain: asIs };
    const seen = await withSnapshot(source, snapshot, async (rows) => rows, first);
    expect(seen).toEqual([{ n: 1 }]);
    expect(await source.query('SELECT n FROM public.t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  } finally {
    await holder.close();
  }
});

test('a first statement that is refused is not taken for a snapshot that is gone', async () => {
  const { source, urls } = await openSessions('snapshot_refused', 'SELECT');
  const holder = await Session.open('source', parseConnection(urls.source));
  try {
    const snapshot = await exportSnapshot(holder);
    // The code of a snapshot that is not valid.
    const first = { sql: `DO $$ BEGIN RAISE 'no' USING ERRCODE = '22023'; END $$`, explain: asIs };
    const error = await failureOf(withSnapshot(source, snapshot, async () => 'done', first));
    expect(databaseError(error)).toMatchObject({ code: '22023', message: 'no' });
    expect(await source.one('SELECT 1 AS one')).toEqual({ one: 1 });
  } finally {
    await holder.close();
  }
});

test('a snapshot whose session has ended is lost, whatever comes behind it', async () => {
  const { source, urls } = await openSessions('snapshot_lost', 'SELECT');
  const holder = await Session.open('source', parseConnection(urls.source));
  const snapshot = await exportSnapshot(holder);
  await holder.query('COMMIT');
  await holder.close();
  for (const first of [undefined, { sql: 'SELECT 1', explain: asIs }]) {
    const error = await failureOf(withSnapshot(source, snapshot, async () => 'done', first));
    expect(error).toMatchObject({ code: 'SNAPSHOT_LOST' });
    expect(await source.one('SELECT 1 AS one')).toEqual({ one: 1 });
  }
});

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it succeeded',
    (error: unknown) => error,
  );
}
