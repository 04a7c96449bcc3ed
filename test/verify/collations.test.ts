import { expect, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import type { Definition } from '../../src/verify/definitions/definition.js';
import { PROGRAMS } from '../../src/verify/definitions/programs.js';
import { verify } from '../../src/verify/verify.js';
import { apachePair } from '../integration/servers.js';
import { runScript } from '../integration/sql.js';
import { found } from './found.js';
import { createDatabase, makeSiblings } from './twins.js';

/** Pairs of collations of which each differs in one thing alone. */
const DIFFERENT: readonly [what: string, here: string, there: string][] = [
  ['a language of ICU', `provider = icu, locale = 'de'`, `provider = icu, locale = 'sv'`],
  ['a keyword of ICU', `provider = icu, locale = 'de'`, `provider = icu, locale = 'de-u-co-phonebk'`],
  [
    'rules of ICU',
    `provider = icu, locale = 'de', rules = '&a < b'`,
    `provider = icu, locale = 'de', rules = '&b < a'`,
  ],
  ['determinism', `provider = icu, locale = 'de'`, `provider = icu, locale = 'de', deterministic = false`],
  ['a builtin locale', `provider = builtin, locale = 'C'`, `provider = builtin, locale = 'C.UTF-8'`],
  ['the type of characters', `lc_collate = 'C', lc_ctype = 'C'`, `lc_collate = 'C', lc_ctype = 'POSIX'`],
];

const make = (options: string): string => `CREATE COLLATION ordered (${options});`;

test.each(DIFFERENT)('%s makes another collation', async (_, here, there) => {
  const { source, target } = await apachePair();
  const alike = await makeSiblings([source, target], 'verify_collations', [make(there), make(there)]);
  expect(found(await verify(alike))).toEqual([]);
  const pair = await makeSiblings([source, target], 'verify_collations', [make(here), make(there)]);
  expect(found(await verify(pair))).toEqual(['collation public.ordered different']);
});

test('beside a server before PostgreSQL 16, which keeps locales as they are written, languages are compared', async () => {
  const server = (await apachePair()).target;
  const url = await createDatabase(server, 'verify_languages', 'template0');
  await runScript(
    server.binFolder,
    url,
    `CREATE COLLATION german (provider = icu, locale = 'de_DE@collation=phonebook'); CREATE COLLATION whatever (provider = icu, locale = 'root');`,
  );
  const session = await Session.open('source', parseConnection(url));
  try {
    const read = async (older: number): Promise<string[]> => {
      const queries = PROGRAMS.map((query) => query({ server: 170_000, older }));
      const definitions = (await Promise.all(queries.map((text) => session.query<Definition>(text)))).flat();
      return definitions
        .filter(({ kind }) => kind === 'collation')
        .map(({ text }) => text)
        .sort();
    };
    expect(await read(170_000)).toEqual(['provider i\nlocale de-DE-u-co-phonebk', 'provider i\nlocale und']);
    expect(await read(150_000)).toEqual(['provider i\nlocale de-de', 'provider i\nlocale und']);
  } finally {
    await session.close();
  }
});
