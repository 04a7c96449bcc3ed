import { expect, test } from 'vitest';
import { reasonFor } from '../../src/verify/explain.js';
import type { ObjectDifference } from '../../src/verify/verification.js';

const NOTHING_MEANT = { owners: true, privileges: true, leftOut: [] };

function difference(kind: string, object: string, source: string[] = []): ObjectDifference {
  return { area: 'definition', kind, object, state: 'different', source, target: [] };
}

/** What a plan or a refused statement calls an object, and what a comparison calls the difference that follows. */
const MEANT: readonly [leftOut: string, ObjectDifference][] = [
  ['owner of TABLE public.reading', difference('owner of table', 'public.reading')],
  ['ACL public.TABLE Some table', difference('grants on table', 'public."Some table"')],
  ['ACL SCHEMA app', difference('grants on schema', 'app')],
  [
    'DEFAULT ACL public.DEFAULT PRIVILEGES FOR TABLES of bob',
    difference('default privileges', 'of bob on tables in public'),
  ],
  [
    'DEFAULT ACL DEFAULT PRIVILEGES FOR TYPES of Some one',
    difference('default privileges', 'of "Some one" on types'),
  ],
  [
    'owner of OPERATOR CLASS public.backwards',
    difference('owner of operator class', 'public.backwards USING btree'),
  ],
  ['COMMENT EXTENSION timescaledb', difference('comment on extension', 'timescaledb')],
  ['version 1.2 of extension hstore', difference('extension', 'hstore', ['version 1.2'])],
  ['tablespace fast', difference('tablespace of table', 'public.reading', ['fast'])],
  [
    'attachment of hypertables to the tablespaces fast',
    difference('_timescaledb_catalog.tablespace', 'id = 1'),
  ],
  ['attributes of role app', difference('attributes of role', 'app')],
  ['membership of app in admins', difference('membership', 'of app in admins')],
  ['setting work_mem in the database', difference('setting', 'work_mem in the database')],
  ['owner of the database', difference('owner of', 'the database')],
  ['CONNECT on DATABASE "tsdb" for app', difference('grants on', 'the database for app')],
  ['constraint public.alarm.alarm_fkey', difference('constraint', 'alarm_fkey on public.alarm')],
];

test.each(MEANT)('what was left out as %s is no difference', (object, given) => {
  const intent = { ...NOTHING_MEANT, leftOut: [{ object, reason: 'because' }] };
  expect(reasonFor(given, intent)).toBe('because');
  expect(reasonFor({ ...given, object: `${given.object}_2`, source: [] }, intent) ?? 'unexplained').toBe(
    /^(attachment|owner of OPERATOR CLASS)/.test(object) ? 'because' : 'unexplained',
  );
});

test.each([
  'of alice on tables in public',
  'of bob on sequences in public',
  'of bob on tables in app',
  'of bob on tables',
])('default privileges of a role, a kind and a schema do not explain those %s', (object) => {
  const leftOut = [{ object: 'DEFAULT ACL public.DEFAULT PRIVILEGES FOR TABLES of bob', reason: 'because' }];
  const given = difference('default privileges', object);
  expect(reasonFor(given, { ...NOTHING_MEANT, leftOut })).toBeUndefined();
});

test('owners and grants that were not to be carried over are no difference', () => {
  const owner = difference('owner of view', 'public.v');
  const grant = difference('grants on view', 'public.v');
  expect(reasonFor(owner, NOTHING_MEANT)).toBeUndefined();
  expect(reasonFor(owner, { ...NOTHING_MEANT, owners: false })).toBeDefined();
  expect(reasonFor(grant, { ...NOTHING_MEANT, owners: false })).toBeUndefined();
  expect(reasonFor(grant, { ...NOTHING_MEANT, privileges: false })).toBeDefined();
});
