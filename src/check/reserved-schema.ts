import { readContent } from '../inventory/content.js';
import { hasLedger } from '../inventory/recorded-run.js';
import { type Check, type DumpChecked, nameSome } from './finding.js';

/** A ledger is left behind, by the name of its schema. What somebody else keeps there would be as well. */
export const reservedSchema: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const { inventory, session } = source;
  if (!inventory.schemas.includes('_hyperferry') || (await hasLedger(session))) return [];
  const objects = (await readContent(session))
    .filter(({ name }) => name === '_hyperferry' || name.startsWith('_hyperferry.'))
    .map(({ kind, name }) => `${kind} ${name}`);
  return [
    {
      id: 'reserved-schema',
      severity: 'blocker',
      found: `expected the schema _hyperferry of the source to be a run's ledger, but it is somebody else's: ${nameSome(objects)}`,
      objects,
      why: 'What is in a schema of this name is not carried over.',
      mend: 'ALTER SCHEMA _hyperferry RENAME TO …; on the source.',
    },
  ];
};
