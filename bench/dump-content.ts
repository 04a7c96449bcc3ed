import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { cleanEnvironment } from './clean-environment.js';
import type { Content } from './content.js';
import type { Course } from './course.js';
import { readTables } from './tables.js';
import { withClient } from './with-client.js';

/** The kinds of entries that are counted, and by whose names. */
const KINDS = ['TABLE', 'INDEX', 'CONSTRAINT', 'FK CONSTRAINT', 'TRIGGER', 'VIEW'];

type Dumped = Pick<Course, 'dump' | 'programs'>;

/** What a dump must hold of a database: all rows of the user's tables, and as many definitions as `pg_dump` has. */
export async function readContentToDump({
  source,
  programs,
}: Pick<Course, 'source' | 'programs'>): Promise<Content> {
  const { stdout } = await execa('pg_dump', ['-d', source, '-Fc', '--schema-only'], {
    ...cleanEnvironment(programs),
    encoding: 'buffer',
  });
  return { rows: await countSourceRows(source), ...(await countEntries(programs, { input: stdout })) };
}

/** Table by table, since one statement for all would hold more locks than the server has. */
function countSourceRows(source: string): Promise<number> {
  return withClient(source, async (client) => {
    let rows = 0;
    for (const { name } of await readTables(client)) {
      const counted = await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM ONLY ${name}`);
      rows += counted.rows[0]?.n ?? 0;
    }
    return rows;
  });
}

/** As `pg_restore` reads it, whoever made it. */
export async function readDumpContent({ dump, programs }: Dumped): Promise<Content> {
  return { rows: await countRows({ dump, programs }), ...(await countEntries(programs, { dump })) };
}

async function countEntries(
  programs: string,
  archive: { readonly input: Uint8Array } | { readonly dump: string },
): Promise<Content> {
  const [parameters, options] =
    'dump' in archive ? [['-l', archive.dump], {}] : [['-l'], { input: archive.input }];
  const { stdout } = await execa('pg_restore', parameters, { ...cleanEnvironment(programs), ...options });
  const lines = stdout.split('\n');
  // Behind the number of the entry and two of the catalogs: `6; 1259 16385 TABLE public reading postgres`.
  const countOf = (kind: string): number =>
    lines.filter((line) => line.replace(/^\d+; \d+ \d+ /, '').startsWith(`${kind} `)).length;
  const ofData = lines.filter((line) => / TABLE (DATA|ATTACH) /.test(line)).length;
  return Object.fromEntries(
    KINDS.map((kind) => [`entries ${kind}`, countOf(kind) - (kind === 'TABLE' ? ofData : 0)]),
  );
}

/** The lines that `COPY` would read: a line break in a value stands there as `\n`. */
async function countRows({ dump, programs }: Dumped): Promise<number> {
  const catalogs = ['_timescaledb_catalog', '_timescaledb_config'].map(
    (schema) => `--exclude-schema=${schema}`,
  );
  const parameters = ['--data-only', ...catalogs, '-f', '-', dump];
  const child = spawn(join(programs, 'pg_restore'), parameters, {
    env: cleanEnvironment(programs).env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let rows = 0;
  let isInRows = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (isInRows && line === '\\.') isInRows = false;
    else if (isInRows) rows++;
    else if (/^COPY .* FROM stdin;$/.test(line)) isInRows = true;
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`pg_restore could not read the rows of the dump: it ended with ${code}`);
  return rows;
}
