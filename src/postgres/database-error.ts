import pg from 'pg';

/** What a server says of a statement that it refused. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export interface DatabaseError {
  /** The SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** The functions that it happened in, the innermost first. */
  readonly where: string | undefined;
  /** Whether it was the last word of the session. */
  readonly isFatal: boolean;
  /** Whose server it was, where a session has said so. */
  readonly side: 'source' | 'target' | undefined;
}

/** `pg` makes the errors, and knows no sides. */
const sides = new WeakMap<Error, 'source' | 'target'>();

export function noteSide(error: Error, side: 'source' | 'target'): void {
  sides.set(error, side);
}

/** The server's own words, when the error is one that a server sent. */
export function databaseError(error: unknown): DatabaseError | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  const { code, message, detail, hint, where, severity } = error;
  return { code, message, detail, hint, where, isFatal: severity === 'FATAL', side: sides.get(error) };
}
