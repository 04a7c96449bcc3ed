import { type Check, nameSome } from './finding.js';

/** Parameters set for the database and its roles travel too; what sessions of the application see stays the same. */
export const settings: Check = ({ source }) => {
  const objects = source.inventory.roles.settings.map(({ role, inDatabase, name }) =>
    [name, role === undefined ? '' : ` of role ${role}`, inDatabase ? ' in the database' : ''].join(''),
  );
  if (objects.length === 0) return [];
  return [
    {
      id: 'settings',
      severity: 'note',
      found: `parameters set for the database or for roles: ${nameSome(objects)}`,
      objects,
      why: 'A dump without --create leaves those of the database behind.',
      mend: 'Nothing to do: migrate carries them over.',
    },
  ];
};
