import type { Emit, Event } from '../engine/events.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { ownError } from '../postgres/own-error.js';
import { Session, type Side } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import type { SideAccess } from './compare-context.js';
import type { Verification } from './verification.js';

/** Holds a snapshot of a database until the comparison has ended, and gives the way to more sessions that see the same. */
export type Hold = (side: Side, url: string) => Promise<SideAccess>;

/**
 * Runs a comparison of databases that are each read as of one snapshot.
 *
 * @throws HyperferryError when it cannot be told whether they are equal
 */
export async function comparingHeld(
  { signal, onEvent }: { readonly signal?: AbortSignal | undefined; readonly onEvent?: Emit | undefined },
  compare: (hold: Hold) => Promise<Verification>,
): Promise<Verification> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const verification = await compare(async (side, url) => {
      const connection = parseConnection(url);
      signal?.throwIfAborted();
      const session = await Session.open(side, connection);
      closing.push(() => session.close());
      return {
        name: describeConnection(connection),
        open: () => Session.open(side, connection),
        snapshot: await exportSnapshot(session),
      };
    });
    onEvent?.(endOf(verification));
    return verification;
  } catch (error) {
    if (signal?.aborted) throw new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
    throw ownError(error);
  } finally {
    for (const close of closing) await close();
  }
}

function endOf(verification: Verification): Event {
  const { source, target, mode, equal, rows, relations, logical, objects, seconds } = verification;
  return {
    type: 'verified',
    source,
    target,
    mode,
    equal,
    rows,
    relations: relations.compared,
    differences: relations.different.length + objects.different.length + (logical?.different.length ?? 0),
    seconds,
  };
}
