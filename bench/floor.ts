import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type pg from 'pg';
import type { Course } from './course.js';
import { restoring } from './restoring.js';
import { withClient } from './with-client.js';

const READ_PARTS = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_table_size(c.oid)::float8 AS bytes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^(pg_|_timescaledb_(catalog|config|cache))'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2 DESC`;

/**
 * What the two servers must do, and nothing else: rows out to nowhere, rows in from files, the same tables and indexes,
 * N at a time. No client is in the way of the data. The files are made beforehand, outside the time.
 */
export async function prepareFloor(course: Course): Promise<() => Promise<void>> {
  const { source, target, programs, folder, jobs } = course;
  const files = join(folder, 'floor');
  await rm(files, { recursive: true, force: true });
  await mkdir(files);
  await chmod(files, 0o777); // the servers run as another user
  const parts = await withClient(source, async (client) =>
    (await client.query<{ name: string; bytes: number }>(READ_PARTS)).rows.map((row, index) => ({
      ...row,
      file: join(files, String(index)),
    })),
  );
  await inParallel(parts, 1, source, (client, { name, file }) =>
    client.query(`COPY (SELECT * FROM ONLY ${name}) TO '${file}' (FORMAT binary)`),
  );
  const dump = async (...parameters: string[]): Promise<string> =>
    (await execa(join(programs, 'pg_dump'), ['-d', source, '--no-owner', '--no-privileges', ...parameters]))
      .stdout;
  const [before, catalog] = [join(files, 'before'), join(files, 'catalog')];
  await writeFile(before, await dump('--section=pre-data'));
  await writeFile(
    catalog,
    await dump('--section=data', '-t', '_timescaledb_catalog.*', '-t', '_timescaledb_config.*'),
  );
  // Each statement on a line of its own, for whoever is free to take.
  const statements = (await dump('--section=post-data'))
    .split('\n')
    .filter((line) => !line.startsWith('--') && !/^(SET|SELECT pg_catalog\.set_config|\\)/.test(line))
    .join('\n')
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');

  return async () => {
    await inParallel(parts, jobs, source, (client, { name }) =>
      client.query(`COPY (SELECT * FROM ONLY ${name}) TO '/dev/null' (FORMAT binary)`),
    );
    const psql = (file: string) =>
      execa(join(programs, 'psql'), ['-q', '-v', 'ON_ERROR_STOP=1', '-d', target, '-f', file], {
        stdout: 'ignore',
      });
    await restoring({ target, programs }, async () => {
      await psql(before);
      await psql(catalog);
      await inParallel(parts, jobs, target, async (client, { name, bytes, file }) => {
        const freezes = bytes >= 1024 ** 2;
        const truncate = freezes ? `TRUNCATE ONLY ${name}; ` : '';
        await client.query(
          `BEGIN; ${truncate}COPY ${name} FROM '${file}' (FORMAT binary${freezes ? ', FREEZE' : ''}); COMMIT`,
        );
      });
      await inParallel(statements, jobs, target, (client, statement) => client.query(statement));
    });
  };
}

/** Foreign keys need the indexes that come before them, so that one which fails is tried again at the end. */
async function inParallel<T>(
  items: readonly T[],
  jobs: number,
  url: string,
  work: (client: pg.Client, item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = [...items];
  const failed: T[] = [];
  await Promise.all(
    Array.from({ length: jobs }, () =>
      withClient(url, async (client) => {
        for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
          const taken = item;
          await work(client, taken).catch(() => failed.push(taken));
        }
      }),
    ),
  );
  await withClient(url, async (client) => {
    for (const item of failed) await work(client, item);
  });
}
