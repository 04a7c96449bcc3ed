import { closeLedger, removeLedger } from '../engine/ledger.js';
import type { Stage } from './migration.js';

/** Removes the ledger, or says in it that the run is complete. */
export const finish: Stage = ({ target, keepLedger }) =>
  keepLedger ? closeLedger(target.session, 'finish') : removeLedger(target.session);
