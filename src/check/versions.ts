import type { Check, Finding } from './finding.js';

/** TimescaleDB's data is corrupted by another version of its code, and an older PostgreSQL lacks what a newer dumps. */
export const versions: Check = ({ source, target }) => {
  const findings: Finding[] = [];
  if (target.server.major < source.server.major) {
    findings.push({
      id: 'postgres-older-target',
      severity: 'blocker',
      code: 'UNSUITABLE',
      found: `expected a target of PostgreSQL ${source.server.major} or newer, but it is ${target.server.major}`,
      mend: `Use a target of PostgreSQL ${source.server.major} or newer.`,
    });
  }
  const wanted = source.timescale;
  if (!wanted) return findings;
  const installed = target.timescale;
  if (installed?.version === wanted.version && installed.schema === wanted.schema) return findings;
  const available = target.availableVersions.get('timescaledb');
  if (!available) {
    findings.push({
      id: 'timescale-missing',
      severity: 'blocker',
      code: 'UNSUITABLE',
      found: `expected TimescaleDB ${wanted.version} on the target server, but it has no TimescaleDB`,
      mend: 'Install TimescaleDB on the target server, and add it to shared_preload_libraries.',
    });
  } else if (!available.includes(wanted.version)) {
    findings.push({
      id: 'timescale-version',
      severity: 'blocker',
      code: 'UNSUITABLE',
      found: `expected TimescaleDB ${wanted.version}, the source's version, on the target server; it has ${available.toSorted().join(', ')}`,
      mend: `Install TimescaleDB ${wanted.version} on the target server, or update the source to a version that the target has: ALTER EXTENSION timescaledb UPDATE TO '…'; as the first command of a fresh session.`,
    });
  } else if (!target.server.preloadsTimescale) {
    findings.push({
      id: 'timescale-not-preloaded',
      severity: 'blocker',
      code: 'UNSUITABLE',
      found: 'expected timescaledb in the target’s shared_preload_libraries, but it is not loaded',
      mend: "ALTER SYSTEM SET shared_preload_libraries = 'timescaledb'; then restart the target server.",
    });
  }
  return findings;
};
