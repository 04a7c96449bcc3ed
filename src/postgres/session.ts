import type { Socket } from 'node:net';
import pg from 'pg';
import { connect } from './connect.js';
import type { Connection } from './connection-string.js';
import { databaseError, noteSide } from './database-error.js';
import { HyperferryError } from './error.js';
import { bareState, ownRole, refusedSettings, SET_FIXED_STATE } from './session-state.js';

/** A command that speaks the protocol itself: `pg` calls it with the messages that come while it runs. */
export interface WireCommand {
  submit(connection: WireConnection): void;
  handleError(error: Error): void;
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
}

/** What `pg` gives a command to speak through. Its types do not show these members. */
export interface WireConnection {
  readonly stream: Socket;
  query(text: string): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

type WireClient = pg.Client & {
  readonly processID: number;
  readonly connection: WireConnection;
  readonly readyForQuery: boolean;
  pipeline: boolean;
};

export type Side = 'source' | 'target';

export type Row = Record<string, unknown>;

/** SQLSTATEs of a server that ends a session: it shuts down, it crashed, somebody ended it, it was idle for too long. */
const ENDING_CONNECTION = new Set(['57P01', '57P02', '57P05', '25P03']);

/** One connection to a server, with settings that make what it reads and writes independent of the server's. */
export class Session {
  readonly side: Side;
  /** The way to the same database. */
  readonly connection: Connection;
  readonly #client: WireClient;
  #broken: Error | undefined;

  private constructor(side: Side, connection: Connection, client: WireClient) {
    this.side = side;
    this.connection = connection;
    this.#client = client;
    client.on('error', (error) => {
      this.#broken ??= error;
    });
  }

  /**
   * @param options.bare send nothing before the first command, where that must be the first of a session
   * @param options.serverVersion by which a bare session is freed of timeouts that older servers do not know
   * @param options.settings SQL that is sent with that of the fixed state
   * @throws HyperferryError `CONNECT` when no host takes the connection
   */
  static async open(
    side: Side,
    connection: Connection,
    options: { bare?: boolean; serverVersion?: number; settings?: string } = {},
  ): Promise<Session> {
    const client = await connect(side, connection, options.bare ? bareState(options.serverVersion) : '');
    const session = new Session(side, connection, client as WireClient);
    if (options.bare) return session;
    try {
      const fixed = `${ownRole(connection)}${SET_FIXED_STATE}`;
      await session.query(options.settings ? `${fixed};\n${options.settings}` : fixed);
    } catch (error) {
      await session.close();
      throw refusedSettings(side, error);
    }
    return session;
  }

  /** The process id that the connection was told when it began; a pooler tells another than the server's. */
  get announcedProcessId(): number {
    return this.#client.processID;
  }

  /** Runs a command that speaks the protocol itself, and alone: what is asked until it ends waits for that. */
  submit(command: WireCommand): void {
    this.#client.pipeline = false;
    this.#client.query(command as unknown as pg.Submittable);
  }

  /**
   * Runs a query and gives its rows. Queries that are not waited for go to the server together, and are answered in their
   * order. Without values, the text may hold several statements; the last one's rows come.
   */
  async query<T extends Row = Row>(text: string, values?: readonly unknown[]): Promise<T[]> {
    if (this.#broken) throw this.lost(this.#broken);
    if (this.#client.readyForQuery) this.#client.pipeline = true;
    const result = await this.#client
      .query<T>(values ? { text, values: [...values] } : text)
      .catch((error: Error) => {
        throw this.explain(error);
      });
    return Array.isArray(result) ? ((result.at(-1)?.rows as T[]) ?? []) : result.rows;
  }

  /**
   * Runs a query and hands over each row as it comes, so that none is kept beside what is made of it.
   *
   * @throws what `take` throws, when the last row has come
   */
  async each<T extends Row = Row>(
    text: string,
    take: (row: T) => void,
    values: readonly unknown[] = [],
  ): Promise<void> {
    if (this.#broken) throw this.lost(this.#broken);
    const query = new pg.Query<T>(text, [...values]);
    let refusal: { readonly error: unknown } | undefined;
    query.on('row', (row) => {
      if (refusal) return;
      try {
        take(row);
      } catch (error) {
        refusal = { error };
      }
    });
    await new Promise<void>((resolve, reject) => {
      query.on('end', () => (refusal ? reject(refusal.error) : resolve()));
      query.on('error', (error) => reject(this.explain(error)));
      this.#client.query(query);
    });
  }

  /** Runs a query that gives exactly one row. */
  async one<T extends Row = Row>(text: string, values?: readonly unknown[]): Promise<T> {
    const [row] = await this.query<T>(text, values);
    if (!row)
      throw new HyperferryError('INTERNAL', `expected one row from the ${this.side}, none came: ${text}`);
    return row;
  }

  /**
   * Runs `work` in a transaction: committed when it returns, rolled back when it throws. Work that ends with a message
   * of its own may commit in that message, which saves a round trip.
   * @param begin may go on with the first statements; `work` is given the rows of the last one
   */
  async transaction<T, R extends Row = Row>(
    work: (first: readonly R[]) => Promise<T>,
    begin = 'BEGIN',
  ): Promise<T> {
    try {
      const value = await work(await this.query<R>(begin));
      // The server answers the COMMIT of a failed transaction by rolling it back, without an error.
      if (this.#client.getTransactionStatus() === 'E') {
        throw new HyperferryError('INTERNAL', `a transaction on the ${this.side} failed without a word`);
      }
      if (this.#client.getTransactionStatus() !== 'I') await this.query('COMMIT');
      return value;
    } catch (error) {
      await this.query('ROLLBACK').catch(() => {
        // The connection is gone, and its transaction with it; the first error says why.
      });
      throw error;
    }
  }

  async close(): Promise<void> {
    // Otherwise it would wait for answers that may never come.
    this.#client.pipeline = false;
    await this.#client.end().catch(() => {
      // A connection that cannot say goodbye is closed all the same.
    });
  }

  /** The connection, for another to speak through. The session can only be destroyed from here on. */
  giveAway(): Socket {
    const { stream } = this.#client.connection;
    stream.removeAllListeners('data');
    this.#broken ??= new Error('given away');
    return stream;
  }

  /** Ends the connection at once; what it was doing is rolled back by the server. */
  destroy(): void {
    this.#broken ??= new Error('closed by Hyperferry');
    this.#client.connection.stream.destroy();
  }

  /** What the server refused, as it is; and what ended the connection, as that. */
  explain(error: Error): Error {
    const refusal = databaseError(error);
    if (refusal?.isFatal) this.#broken ??= error;
    // It tells more than the network does.
    const lastWord = databaseError(this.#broken) ? this.#broken : undefined;
    if (!refusal) return this.lost(lastWord ?? error);
    if (ENDING_CONNECTION.has(refusal.code)) return this.lost(error);
    noteSide(error, this.side);
    return error;
  }

  private lost(cause: Error): HyperferryError {
    return new HyperferryError(
      'CONNECTION_LOST',
      `the connection to the ${this.side} was lost: ${cause.message}`,
      {
        cause,
        hint: `Look at the log of the ${this.side} server, and at the network between.`,
      },
    );
  }
}

/**
 * Runs `work` with a session of its own.
 * @param signal ends what the session does at once
 */
export async function inSession<T>(
  side: Side,
  connection: Connection,
  work: (session: Session) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const session = await Session.open(side, connection);
  const end = (): void => session.destroy();
  signal?.addEventListener('abort', end);
  try {
    // The abort may have come in between.
    signal?.throwIfAborted();
    return await work(session);
  } finally {
    signal?.removeEventListener('abort', end);
    await session.close();
  }
}
