import { activity } from './activity.js';
import { backgroundJobs } from './background-jobs.js';
import { clientPrograms, dumpProgram } from './client-programs.js';
import { content, sourceContent } from './content.js';
import { defaultPrivileges } from './default-privileges.js';
import { detachPending } from './detach-pending.js';
import { encoding, encodings, sourceEncoding } from './encoding.js';
import { extensions, extensionsOfDump } from './extensions.js';
import type { Check, DumpChecked, DumpInto, Finding, RestoreChecked } from './finding.js';
import { largeValues, largeValuesAsText } from './large-values.js';
import { outRoom } from './out-room.js';
import { pooler, poolerBefore } from './pooler.js';
import { postgresVersion } from './postgres-version.js';
import { privileges, sourcePrivileges, targetPrivileges } from './privileges.js';
import { replica, replicaAsSource, replicaAsTarget } from './replica.js';
import { reservedSchema } from './reserved-schema.js';
import { mappedRoles } from './role-map.js';
import { missingRoles, passwordsToRead, roles } from './roles.js';
import { room, sourceRoom, targetRoom } from './room.js';
import { sameDatabase } from './same-database.js';
import { settings } from './settings.js';
import { targetContent } from './target-content.js';
import { targetDefinitions } from './target-definitions.js';
import { restoredFeatures, sourceFeatures, timescaleFeatures } from './timescale-features.js';
import { timescaleVersion } from './timescale-version.js';
import { tls } from './tls.js';

/** In the order in which they are worth reading: what makes the others moot comes first, by itself. */
export const CHECKS: readonly (readonly Check[])[] = [
  [sameDatabase],
  [
    pooler,
    replica,
    postgresVersion,
    timescaleVersion,
    timescaleFeatures,
    extensions,
    clientPrograms,
    targetContent,
    defaultPrivileges,
    privileges,
    room,
    roles,
    mappedRoles,
    backgroundJobs,
    activity,
    encoding,
    reservedSchema,
    detachPending,
    content,
    largeValues,
    settings,
    tls,
  ],
];

export const DUMP_CHECKS: readonly (readonly Check<DumpChecked & { readonly into: DumpInto }>[])[] = [
  [
    ({ source }) => poolerBefore('source', source),
    ({ source }) => replicaAsSource(source),
    dumpProgram,
    sourceFeatures,
    sourcePrivileges,
    sourceRoom,
    outRoom,
    passwordsToRead,
    backgroundJobs,
    activity,
    sourceEncoding,
    reservedSchema,
    detachPending,
    sourceContent,
    largeValuesAsText,
  ],
];

export const RESTORE_CHECKS: readonly (readonly Check<RestoreChecked>[])[] = [
  [
    ({ target }) => poolerBefore('target', target),
    ({ target }) => replicaAsTarget(target),
    postgresVersion,
    timescaleVersion,
    restoredFeatures,
    extensionsOfDump,
    targetContent,
    defaultPrivileges,
    targetPrivileges,
    targetRoom,
    missingRoles,
    mappedRoles,
    ({ source, target }) => encodings(source.inventory.server.encoding, target.inventory.server.encoding),
    tls,
  ],
];

/** Of a restore of rows into definitions that stand. */
export const DATA_CHECKS: readonly (readonly Check<RestoreChecked>[])[] = [
  [
    ({ target }) => poolerBefore('target', target),
    ({ target }) => replicaAsTarget(target),
    targetDefinitions,
    targetPrivileges,
    targetRoom,
    ({ source, target }) => encodings(source.inventory.server.encoding, target.inventory.server.encoding),
    tls,
  ],
];

/**
 * Looks for what stands in the way. Only reads.
 * @param checks one group after the other; those of a group ask beside each other, so that a far server answers them together
 */
export async function runChecks<On>(
  checks: readonly (readonly Check<On>[])[],
  checked: On,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const group of checks) {
    const found = await Promise.all(group.map(async (check) => check(checked)));
    findings.push(...found.flat());
    // Nothing else that is said of a database that is both sides would help.
    if (findings.some(({ id }) => id === 'same-database')) break;
  }
  return findings;
}
