import { expect, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { inSession, Session } from '../../src/postgres/session.js';
import { query } from '../integration/sql.js';
import { openSessions } from './sessions.js';

test('whatever is asked of a session that the server has ended, its last word is told', async () => {
  const { source } = await openSessions('session_ended', 'SELECT');
  const asked = [
    source.query('SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())'),
    source.query('SELECT 1'),
  ];
  for (const one of [...asked, Promise.allSettled(asked).then(() => source.query('SELECT 1'))]) {
    await expect(one).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: 'the connection to the source was lost: terminating connection due to administrator command',
    });
  }
});

test('settings of a database neither restrict what a session reads nor end it at what is refused', async () => {
  const { urls } = await openSessions('session_settings', 'CREATE VIEW public.seen AS SELECT 1 AS one');
  await query(
    urls.source,
    `ALTER DATABASE session_settings SET restrict_nonsystem_relation_kind = 'view';
     ALTER DATABASE session_settings SET exit_on_error = on;
     ALTER DATABASE session_settings SET event_triggers = off`,
  );
  const session = await Session.open('source', parseConnection(urls.source));
  try {
    await expect(session.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    expect(await session.one('SELECT one FROM public.seen')).toEqual({ one: 1 });
    expect(await session.one('SHOW event_triggers')).toEqual({ event_triggers: 'on' });
  } finally {
    await session.close();
  }
});

test('a superuser is one whatever role the database has set, and another login is that role', async () => {
  const { urls } = await openSessions(
    'session_role',
    `CREATE ROLE session_role_owner; CREATE ROLE session_role_login LOGIN IN ROLE session_role_owner;
     ALTER DATABASE session_role SET role = session_role_owner;`,
  );
  const roleOf = (username: string, options = '') => {
    const url = new URL(urls.source);
    url.username = username;
    // Not `searchParams`, which writes a space as libpq does not read it.
    url.search = `?options=${encodeURIComponent(options)}`;
    return inSession('source', parseConnection(url.href), (session) =>
      session.one<{ role: string }>('SELECT current_user::text AS role').then(({ role }) => role),
    );
  };
  expect(await roleOf('postgres')).toBe('postgres');
  expect(await roleOf('session_role_login')).toBe('session_role_owner');
  expect(await roleOf('session_role_login', '-c role=none')).toBe('session_role_login');
  expect(await roleOf('postgres', '-c role=session_role_login')).toBe('session_role_login');
});
