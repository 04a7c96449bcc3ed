import type pg from 'pg';
import { withClient } from '../sql.js';

/** How values print while they are compared, whatever the server, the database or the role say. */
const FIXED_STATE = `
  SET search_path = '';
  SET DateStyle = 'ISO, YMD';
  SET IntervalStyle = 'postgres';
  SET extra_float_digits = 3;
  SET bytea_output = 'hex';
  SET TimeZone = 'UTC';
  SET client_encoding = 'UTF8';
  SET quote_all_identifiers = off;
  SET standard_conforming_strings = on;
  SET statement_timeout = 0;
  SET row_security = off;`;

/** Runs a query whose rows are one text each. */
export async function linesOf(client: pg.Client, text: string, values: string[] = []): Promise<string[]> {
  const { rows } = await client.query<[string]>({ text, values, rowMode: 'array' });
  return rows.map(([line]) => line);
}

/** Opens a session on both sides in which equal values print equally. */
export function withBoth<T>(
  source: string,
  target: string,
  work: (source: pg.Client, target: pg.Client) => Promise<T>,
): Promise<T> {
  return withClient(source, (left) =>
    withClient(target, async (right) => {
      await Promise.all([left.query(FIXED_STATE), right.query(FIXED_STATE)]);
      return work(left, right);
    }),
  );
}
