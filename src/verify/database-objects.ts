import type { Inventory } from '../inventory/inventory.js';
import type { SequenceValue } from '../inventory/sequences.js';
import { ObjectSet } from './object-set.js';

/** What belongs to the database itself. Names are those that a plan's left-out items have. */
export function databaseObjects({ database, roles }: Inventory): ObjectSet {
  const objects = new ObjectSet();
  objects.add('owner of', 'the database', [database.owner]);
  objects.add('connection limit of', 'the database', [String(database.connectionLimit)]);
  objects.add('template mark of', 'the database', [String(database.isTemplate)]);
  if (database.comment !== null) objects.add('comment of', 'the database', database.comment.split('\n'));
  for (const { grantee, privilege, grantable } of database.grants ?? []) {
    if (grantee === database.owner) continue;
    objects.add('grants on', `the database for ${grantee || 'PUBLIC'}`, [
      `${privilege}${grantable ? ' with grant option' : ''}`,
    ]);
  }
  for (const { role, inDatabase, name, value } of roles.settings) {
    if (inDatabase)
      objects.add('setting', `${name}${role ? ` of role ${role}` : ''} in the database`, [value]);
  }
  return objects;
}

export function sequenceObjects(values: readonly SequenceValue[]): ObjectSet {
  const objects = new ObjectSet();
  for (const { schema, name, lastValue, isCalled } of values) {
    objects.add('value of sequence', `${schema}.${name}`, [`${lastValue}${isCalled ? '' : ' (not called)'}`]);
  }
  return objects;
}
