import pg from 'pg';

/** A function that holds up whoever calls it in a database whose gate is closed. */
export const GATE = `
CREATE FUNCTION passes_gate() RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN true; END $$;`;

/**
 * A table whose rows wait at the gate of the target: its copy is begun, and not done before the gate is opened. Where the
 * source is to be in the middle of it too, it must be more than the buffers on the way hold, about 10 MB.
 */
export function gatedTable(name: string, megabytes: number): string {
  return `
CREATE TABLE ${name} (a int CHECK (passes_gate()), filling text);
ALTER TABLE ${name} ALTER filling SET STORAGE EXTERNAL;
INSERT INTO ${name} SELECT n, repeat(md5(n::text), 32 * 1024) FROM generate_series(1, ${megabytes}) AS n;`;
}

/** A closed gate. A restart of the server opens it as well. */
export interface Gate {
  open(): Promise<void>;
}

export async function closeGate(database: string): Promise<Gate> {
  const client = new pg.Client({ connectionString: database });
  client.on('error', () => {
    // The server was restarted.
  });
  await client.connect();
  await client.query('SELECT pg_advisory_lock(4711)');
  return { open: () => client.end().catch(() => undefined) };
}
