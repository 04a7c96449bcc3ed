import { closeLedger, enterStage, removeLedger } from '../engine/ledger.js';
import type { Migration } from './migration.js';

/**
 * Removes the ledger, or says in it that the run is complete. The migration is, whatever comes of this: an answer that is
 * lost leaves it open whether there still is a ledger, and another attempt could not go on without.
 */
export async function finish({ target, keepLedger, signal, emit }: Migration): Promise<void> {
  try {
    await enterStage(target.session, 'finish');
    await (keepLedger ? closeLedger(target.session, 'finish') : removeLedger(target.session));
  } catch (error) {
    signal.throwIfAborted();
    emit({
      type: 'notice',
      message: `the migration is complete, but its ledger may still be there (hyperferry clean --unfinished removes it): ${(error as Error).message}`,
    });
  }
}
