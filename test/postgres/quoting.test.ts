import { expect, test } from 'vitest';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../src/postgres/quoting.js';
import { openSessions } from './sessions.js';

const NAMES = [
  'plain',
  'Capital',
  'select',
  'a b',
  'a"b',
  '"',
  '""',
  "a'b",
  'a;b; DROP TABLE x; --',
  'tab\there',
  'new\nline',
  'back\\slash',
  'percent%s',
  '$1',
  'ümläut ☃ 𝄞',
];

test('a quoted name is that name to the server', async () => {
  const { target } = await openSessions('quoting_names', 'SELECT');
  for (const name of NAMES) {
    await target.query(`CREATE SCHEMA ${quoteIdentifier(name)}`);
    await target.query(
      `CREATE TABLE ${quoteQualified({ schema: name, name })} (${quoteIdentifier(name)} int)`,
    );
  }
  const rows = await target.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relname = n.nspname AND a.attname = c.relname`,
  );
  expect(rows.map(({ name }) => name).sort()).toEqual([...NAMES].sort());
});

test('a quoted text is that text to the server, whatever standard_conforming_strings says', async () => {
  const { target } = await openSessions('quoting_texts', 'SELECT');
  const texts = [...NAMES, '', "'", "''", "\\'", '\\', '\\\\', "E'\\n'", '$$', '\\x41', "\\'; SELECT 1; --"];
  for (const conforming of ['on', 'off']) {
    await target.query(`SET standard_conforming_strings = ${conforming}; SET escape_string_warning = off`);
    for (const text of texts) {
      expect(await target.query(`SELECT 'x'||${quoteLiteral(text)} AS text`)).toEqual([{ text: `x${text}` }]);
    }
  }
});
