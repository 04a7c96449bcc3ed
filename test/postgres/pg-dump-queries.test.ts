import { expect, test } from 'vitest';
import { rewordPgDump } from '../../src/postgres/pg-dump-queries.js';

test('a table that pg_dump locks is locked without those that inherit from it', () => {
  const reword = (query: string): string => rewordPgDump(query, new Set());
  expect(reword('LOCK TABLE public.reading IN ACCESS SHARE MODE')).toBe(
    'LOCK TABLE ONLY public.reading IN ACCESS SHARE MODE',
  );
  expect(reword('LOCK TABLE a."b, c.d IN e", "f""g".h, i.j IN ACCESS SHARE MODE')).toBe(
    'LOCK TABLE ONLY a."b, c.d IN e", ONLY "f""g".h, ONLY i.j IN ACCESS SHARE MODE',
  );
});

test('a query in words that are not known stays as it is', () => {
  for (const query of [
    'SELECT c.tableoid, c.oid, c.relname FROM pg_catalog.pg_relation c',
    'SELECT tableoid, oid, typname, typnamespace FROM pg_type t LEFT JOIN pg_init_privs pip ON true',
    'BEGIN',
  ]) {
    expect(rewordPgDump(query, new Set([16_385]))).toBe(query);
  }
});
