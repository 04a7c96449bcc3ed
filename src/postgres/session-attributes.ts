import type { EventEmitter } from 'node:events';
import type pg from 'pg';

/** What `target_session_attrs` may ask of a server; `prefer-standby` is a standby first, and any server then. */
export type SessionAttributes = 'any' | 'read-write' | 'read-only' | 'primary' | 'standby';

const READ_ONLY = 'SHOW transaction_read_only';
const IN_RECOVERY = 'SELECT pg_catalog.pg_is_in_recovery()';

/** The rounds in which all hosts are tried. */
export function roundsOf(targetSessionAttrs: string | undefined): SessionAttributes[] {
  if (targetSessionAttrs === 'prefer-standby') return ['standby', 'any'];
  return [(targetSessionAttrs as SessionAttributes | undefined) ?? 'any'];
}

/**
 * Watches what the server reports as it lets the client in. From PostgreSQL 14 on that answers without a query, which
 * must not be sent where the first command of a session counts. To be called before the client connects.
 * Source: `CONNECTION_CHECK_TARGET` in src/interfaces/libpq/fe-connect.c
 *
 * @returns a function that tells what is wrong with the server; nothing where it is as wanted
 */
export function watchSessionAttributes(
  client: pg.Client,
  wanted: SessionAttributes,
): () => Promise<string | undefined> {
  const events = (client as unknown as { connection: EventEmitter }).connection;
  const reported = new Map<string, boolean>();
  events.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
    reported.set(message.parameterName, message.parameterValue === 'on');
  });
  const isStandby = async (): Promise<boolean> =>
    reported.get('in_hot_standby') ?? (await ask(client, IN_RECOVERY)) === true;
  const isReadOnly = async (): Promise<boolean> => {
    const [standby, readOnly] = ['in_hot_standby', 'default_transaction_read_only'].map((name) =>
      reported.get(name),
    );
    if (standby === undefined || readOnly === undefined) return (await ask(client, READ_ONLY)) === 'on';
    return standby || readOnly;
  };
  return async () => {
    if (wanted === 'read-write') return (await isReadOnly()) ? 'the session is read-only' : undefined;
    if (wanted === 'read-only') return (await isReadOnly()) ? undefined : 'the session is not read-only';
    if (wanted === 'primary') return (await isStandby()) ? 'the server is a standby' : undefined;
    if (wanted === 'standby') return (await isStandby()) ? undefined : 'the server is not a standby';
    return undefined;
  };
}

async function ask(client: pg.Client, text: string): Promise<unknown> {
  const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
  return rows[0]?.[0];
}
