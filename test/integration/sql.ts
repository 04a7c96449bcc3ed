import { join } from 'node:path';
import { execa } from 'execa';
import pg from 'pg';

/** Runs a script statement by statement, as a user would type it, and stops at the first error. */
export async function runScript(programs: string, url: string, script: string): Promise<void> {
  await execa(join(programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-', url], {
    input: script,
    env: { PGOPTIONS: '-c client_min_messages=error' },
  });
}

/** Runs one query in a session of its own and gives its rows. */
export async function query<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  return withClient(url, async (client) => (await client.query<T>(text)).rows);
}

/** Runs one query that gives one value, as text. */
export async function queryValue(url: string, text: string): Promise<string | null> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array', types: AS_TEXT });
    return rows[0]?.[0] ?? null;
  });
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

/** The same database, with values that print the same on every server. */
export function withFixedDisplay(url: string): string {
  const settings = ['TimeZone=UTC', 'DateStyle=ISO', 'IntervalStyle=postgres', 'extra_float_digits=3'];
  return `${url}?options=${encodeURIComponent(settings.map((one) => `-c ${one}`).join(' '))}`;
}
