import { type CheckedSide, type CheckOptions, type Finding, nameSome } from './finding.js';
import type { FindingId } from './finding-ids.js';

interface RoleMapChecked {
  readonly source: Pick<CheckedSide, 'inventory'>;
  readonly target: Pick<CheckedSide, 'inventory'>;
  readonly options: Pick<CheckOptions, 'roleMap'>;
}

/** A name that is mistyped would show when all rows are copied, or never. */
export function mappedRoles({ source, target, options }: RoleMapChecked): Finding[] {
  const namesOf = ({ inventory }: Pick<CheckedSide, 'inventory'>): string[] =>
    inventory.roles.roles.map(({ name }) => name);
  const here = new Set(namesOf(source));
  const there = new Set([...namesOf(target), ...[...here].filter((name) => name !== 'postgres')]);
  const isServers = (name: string): boolean => name.startsWith('pg_');
  const { roleMap } = options;
  // An archive of pg_dump names no roles.
  const unknown =
    here.size === 0 ? [] : Object.keys(roleMap).filter((old) => !here.has(old) && !isServers(old));
  const missing = Object.values(roleMap).filter((name) => !there.has(name) && !isServers(name));
  return [
    ...(unknown.length === 0
      ? []
      : [
          finding(
            'role-map-source',
            unknown,
            `expected roles of the source before the = of --role-map, but there is no ${nameSome(unknown)}`,
            'Nothing there belongs to it, so that nothing would be given to another.',
          ),
        ]),
    ...(missing.length === 0
      ? []
      : [
          finding(
            'role-map-target',
            missing,
            `expected roles of the target after the = of --role-map, but there is no ${nameSome(missing)}, and none comes with the source`,
            'What it is to own could not be given to it when all is copied.',
          ),
        ]),
  ];
}

function finding(id: FindingId, objects: readonly string[], found: string, why: string): Finding {
  const mend =
    id === 'role-map-source'
      ? 'Name a role of the source: --role-map old=new'
      : `Make it on the target (CREATE ROLE …;), or name one that is there: --role-map old=new`;
  return { id, severity: 'blocker', code: 'USAGE', found, objects, why, mend };
}
