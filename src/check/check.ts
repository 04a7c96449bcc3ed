import { activity } from './activity.js';
import { backgroundJobs } from './background-jobs.js';
import { clientPrograms } from './client-programs.js';
import { content } from './content.js';
import { encoding } from './encoding.js';
import { extensions } from './extensions.js';
import type { Check, Checked, Finding } from './finding.js';
import { largeValues } from './large-values.js';
import { pooler } from './pooler.js';
import { postgresVersion } from './postgres-version.js';
import { privileges } from './privileges.js';
import { replica } from './replica.js';
import { roles } from './roles.js';
import { room } from './room.js';
import { sameDatabase } from './same-database.js';
import { settings } from './settings.js';
import { targetContent } from './target-content.js';
import { timescaleFeatures } from './timescale-features.js';
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
    privileges,
    room,
    roles,
    backgroundJobs,
    activity,
    encoding,
    content,
    largeValues,
    settings,
    tls,
  ],
];

/**
 * Looks for what stands in the way of a migration. Only reads.
 * @param checks one group after the other; those of a group ask beside each other, so that a far server answers them together
 */
export async function runChecks(checks: readonly (readonly Check[])[], checked: Checked): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const group of checks) {
    const found = await Promise.all(group.map(async (check) => check(checked)));
    findings.push(...found.flat());
    // Nothing else that is said of a database that is both sides would help.
    if (findings.some(({ id }) => id === 'same-database')) break;
  }
  return findings;
}
