import type { Event } from '../engine/events.js';
import { joinRun } from './join.js';

/** What the parent asks, by the channel between the two: nobody else sees the connection strings. */
export interface Assignment {
  /** A dump has none. */
  readonly source: string | undefined;
  readonly target: string;
  readonly jobs: number;
}

/** What it is told. Rows that were copied it reads from the ledger, as those of workers elsewhere. */
export type Report =
  | Extract<Event, { type: 'retry' | 'notice' }>
  /** The run goes on without this process, or was stopped by it in the ledger. */
  | { readonly type: 'failed'; readonly message: string };

/** For connections to a server that does not answer. */
const LEAVE_MILLISECONDS = 3000;

const leaving = new AbortController();

// From a terminal it comes to the parent as well, which says when to leave.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
// The parent ends the work, or has died.
process.once('disconnect', leave);
process.once('message', (assignment) => help(assignment as Assignment));

/** Helps the parent's run as `hyperferry worker` does. Without a parent any more, the process has nothing to stay for. */
async function help({ source, target, jobs }: Assignment): Promise<void> {
  // The end of the channel may have come before anybody listened.
  if (!process.connected) return;
  try {
    await joinRun({
      source,
      target,
      jobs,
      signal: leaving.signal,
      onEvent: (event) => {
        if (event.type === 'retry' || event.type === 'notice') tell(event);
      },
    });
  } catch (error) {
    await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
  if (process.connected) process.disconnect();
}

function leave(): void {
  leaving.abort(new Error('the run has ended'));
  setTimeout(() => process.exit(), LEAVE_MILLISECONDS).unref();
}

/** @returns when it is on its way; a parent that is gone hears nothing */
function tell(report: Report): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(report, () => resolve());
  });
}
