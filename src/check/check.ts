import { connectionKind } from './connection-kind.js';
import type { Check, Checked, Finding } from './finding.js';
import { privileges } from './privileges.js';
import { room } from './room.js';
import { sameDatabase } from './same-database.js';
import { targetContent } from './target-content.js';
import { versions } from './versions.js';

/** In the order in which they are worth reading: what makes the others moot comes first. */
const CHECKS: readonly Check[] = [sameDatabase, connectionKind, versions, targetContent, privileges, room];

/** Looks for what stands in the way of a migration. Reads nothing and changes nothing. */
export function runChecks(checked: Checked): Finding[] {
  return CHECKS.flatMap((check) => check(checked));
}
