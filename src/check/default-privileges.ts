import { readDefaultPrivileges } from '../inventory/default-privileges.js';
import { type Check, nameSome, type RestoreChecked } from './finding.js';

/** Those of the connecting role give to others, or take from them, whatever it makes on the target. */
export const defaultPrivileges: Check<Pick<RestoreChecked, 'target' | 'options'>> = async ({
  target,
  options,
}) => {
  if (options.cleanTarget || options.resume || !options.privileges) return [];
  const acting = (await readDefaultPrivileges(target.session)).filter(({ isOwn }) => isOwn);
  if (acting.length === 0) return [];
  const { role } = target.inventory.server;
  const objects = acting.map(({ name }) => name);
  return [
    {
      id: 'target-default-privileges',
      severity: 'blocker',
      found: `expected no default privileges of ${role} in the target database, but it has some for ${nameSome(objects)}`,
      objects,
      why: 'They act on what the run makes, whose grants then differ from those of the source.',
      mend: `${acting.map(({ reset }) => reset).join('\n')}\nThose of the source are made when all else stands. --clean-target drops them as well.`,
    },
  ];
};
