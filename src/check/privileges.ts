import type { Check } from './finding.js';

/** A target role that may not even make a schema cannot receive anything. */
export const privileges: Check = ({ source, target, unreadable, targetMayCreate }) => {
  const shown = unreadable.slice(0, 10).join(', ');
  const more = unreadable.length > 10 ? `, and ${unreadable.length - 10} more` : '';
  return [
    ...(unreadable.length > 0
      ? [
          {
            id: 'source-unreadable',
            severity: 'blocker' as const,
            code: 'PRIVILEGE' as const,
            found: `expected the role ${source.server.role} to be allowed to read everything on the source, but it may not read ${shown}${more}`,
            mend: `GRANT pg_read_all_data TO "${source.server.role}"; on the source, or connect as a superuser.`,
          },
        ]
      : []),
    ...(targetMayCreate
      ? []
      : [
          {
            id: 'target-create',
            severity: 'blocker' as const,
            code: 'PRIVILEGE' as const,
            found: `expected the role ${target.server.role} to be allowed to create schemas in the target database, but it may not`,
            mend: `ALTER DATABASE "${target.server.database}" OWNER TO "${target.server.role}"; on the target, as a superuser.`,
          },
        ]),
  ];
};
