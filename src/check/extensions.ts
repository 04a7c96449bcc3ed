import { quoteIdentifier } from '../postgres/quoting.js';
import { type Check, type CheckedSide, type Finding, nameSome, type RestoreChecked } from './finding.js';

type ExtensionsChecked = Pick<RestoreChecked, 'target'> & { source: Pick<CheckedSide, 'inventory'> };

/** The source's other extensions: what they define cannot be made without them. */
export const extensions: Check<ExtensionsChecked> = (checked) =>
  findingsOf(
    checked,
    (missing) =>
      `drop them on the source: ${missing.map((name) => `DROP EXTENSION ${quoteIdentifier(name)};`).join(' ')}`,
  );

/** What is dropped on the source is in its dump all the same. */
export const extensionsOfDump: Check<ExtensionsChecked> = (checked) =>
  findingsOf(
    checked,
    () => 'restore only what needs none of them (--only TABLE …), or drop them on the source and dump again.',
  );

function findingsOf(
  { source, target }: ExtensionsChecked,
  mendWithout: (missing: readonly string[]) => string,
): Finding[] {
  const others = source.inventory.extensions.filter(({ name }) => name !== 'timescaledb');
  const available = target.inventory.availableVersions;
  const missing = others.filter(({ name }) => !available.has(name)).map(({ name }) => name);
  const otherVersions = others
    .filter(({ name, version }) => available.has(name) && !available.get(name)?.includes(version))
    // An archive of pg_dump does not tell it.
    .filter(({ version }) => version !== '')
    .map(({ name, version }) => `${name} ${version} (the target has ${available.get(name)?.join(', ')})`);
  const findings: Finding[] = [];
  if (missing.length > 0) {
    findings.push({
      id: 'extension-missing',
      severity: 'blocker',
      found: `expected the source's extensions on the target server, but it has no ${nameSome(missing)}`,
      objects: missing,
      why: 'Tables, functions and indexes use the types and functions of extensions.',
      mend: `Install them on the target server, or ${mendWithout(missing)}`,
    });
  }
  if (otherVersions.length > 0) {
    findings.push({
      id: 'extension-version',
      severity: 'warning',
      found: `the target server has other versions of extensions: ${nameSome(otherVersions)}`,
      objects: otherVersions,
      why: 'Another version may behave differently; it is made at the version that the target prefers.',
      mend: 'Install the source’s versions on the target server if that matters.',
    });
  }
  return findings;
}
