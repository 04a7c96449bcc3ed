import { databaseError } from './database-error.js';
import { HyperferryError } from './error.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/** Any error as Hyperferry's own. What a server refused says the side. */
export function ownError(error: unknown): HyperferryError {
  if (error instanceof HyperferryError) return error;
  const refusal = databaseError(error);
  if (!refusal) {
    return new HyperferryError('INTERNAL', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  const { code, message, hint, detail, side } = refusal;
  const said = `${side ? `the ${side}` : 'a server'} refused a statement: ${message}`;
  return code === INSUFFICIENT_PRIVILEGE
    ? new HyperferryError('PRIVILEGE', said, {
        cause: error,
        hint: `Connect${side ? ` to the ${side}` : ''} as a role that may, or have an administrator grant what is missing.`,
      })
    : new HyperferryError('STATEMENT', said, { cause: error, hint: hint ?? detail });
}

/** Runs `work`, and throws nothing but Hyperferry's own errors. */
export async function withOwnErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ownError(error);
  }
}
