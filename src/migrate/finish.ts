import { removeLedger } from '../engine/ledger.js';
import type { Stage } from './migration.js';

/** Removes what marks the run as unfinished. */
export const finish: Stage = ({ target }) => removeLedger(target.session);
