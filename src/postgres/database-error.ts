import pg from 'pg';

/** What a server says of a statement that it refused. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export interface DatabaseError {
  /** The SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

/** The server's own words, when the error is one that a server sent. */
export function databaseError(error: unknown): DatabaseError | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  return { code: error.code, message: error.message, detail: error.detail, hint: error.hint };
}
