import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type pg from 'pg';
import { cleanEnvironment } from '../clean-environment.js';
import type { Course } from '../course.js';
import { inRestoreMode } from '../restoring.js';
import { readTables, type Table } from '../tables.js';
import { withClient } from '../with-client.js';
import type { Contender } from './contender.js';
import { writeDefinitions } from './floor-definitions.js';

/** What the servers need, whoever moves the database. */
export function floor(jobs: number): Contender {
  return {
    name: `floor: the servers alone, ${jobs} at a time`,
    isPeer: false,
    prepare: async (course) => {
      const run = await prepareFloor(course, jobs);
      return async () => {
        await run();
        return undefined;
      };
    },
  };
}

/**
 * What the two servers must do, and nothing else: rows out to nowhere, rows in from files, the same tables and indexes
 * by psql, the planner's statistics, N at a time. No client is in the way of the data. All files are made beforehand,
 * outside the time.
 */
async function prepareFloor(course: Course, jobs: number): Promise<() => Promise<void>> {
  const { source, target, programs, folder } = course;
  const files = join(folder, 'floor');
  await rm(files, { recursive: true, force: true });
  await mkdir(files);
  await chmod(files, 0o777); // the servers run as another user
  const parts = await writeParts(source, files);
  const definitions = await writeDefinitions(course, files);
  const psql = async (file: string): Promise<void> => {
    await execa('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', target, '-f', file], {
      ...cleanEnvironment(programs),
      stdout: 'ignore',
    });
  };
  return async () => {
    await eachBy(jobs, parts, source, (client, { name }) =>
      client.query(`COPY (SELECT * FROM ONLY ${name}) TO '/dev/null' (FORMAT binary)`),
    );
    await inRestoreMode({ target, programs }, async () => {
      await psql(definitions.first);
      await together(jobs, definitions.chunks, psql);
      await psql(definitions.catalog);
      await eachBy(jobs, parts, target, copyIn);
      await eachBy(jobs, definitions.statements, target, (client, statement) => client.query(statement));
      // Now: with TimescaleDB's hooks, ANALYZE of a hypertable would read each chunk once more.
      await eachBy(jobs, parts, target, (client, { name }) => client.query(`ANALYZE ${name}`));
    });
  };
}

/** A table, and the file that holds its rows. */
interface Part extends Table {
  readonly file: string;
}

/** Largest first. */
async function writeParts(source: string, files: string): Promise<Part[]> {
  return withClient(source, async (client) => {
    const tables = await readTables(client);
    const parts = tables.map((table, index) => ({ ...table, file: join(files, String(index)) }));
    for (const { name, file } of parts) {
      await client.query(`COPY (SELECT * FROM ONLY ${name}) TO '${file}' (FORMAT binary)`);
    }
    return parts;
  });
}

function copyIn(client: pg.Client, { name, bytes, file }: Part): Promise<unknown> {
  const freezes = bytes >= 1024 ** 2;
  const truncate = freezes ? `TRUNCATE ONLY ${name}; ` : '';
  return client.query(
    `BEGIN; ${truncate}COPY ${name} FROM '${file}' (FORMAT binary${freezes ? ', FREEZE' : ''}); COMMIT`,
  );
}

async function together<T>(
  count: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  await Promise.all(
    Array.from({ length: count }, async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
    }),
  );
}

/** By so many connections. Foreign keys need the indexes that come before them: one that fails is tried again at the end. */
async function eachBy<T>(
  jobs: number,
  items: readonly T[],
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
