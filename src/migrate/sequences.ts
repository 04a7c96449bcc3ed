import { setSequence } from '../plan/set-sequence.js';
import type { Stage } from './migration.js';
import { runStatements } from './run-statements.js';

/** The state of the user's sequences. */
export const sequences: Stage = async (migration) => {
  const { plan, source, target } = migration;
  const values = await source.snapshot.readSequenceValues(plan.source.sequences);
  migration.sequenceValues = values;
  await runStatements(
    target.session,
    values.map((value) => ({
      sql: `${setSequence(value)};`,
      object: `value of sequence ${value.schema}.${value.name}`,
    })),
  );
};
