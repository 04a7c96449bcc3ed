import { possibleTimescaleVersions } from '../inventory/inventory.js';
import { compareVersions, LOWEST_SERVICE_VERSIONS, type Timescale } from '../timescale/timescale.js';
import { commonUpdate, updateTargets } from '../timescale/update.js';
import { type Check, type CheckedSide, type Finding, nameSome, type RestoreChecked } from './finding.js';

/** Only a source that is there can be updated: a dump has no session. */
type VersionChecked = Pick<RestoreChecked, 'target' | 'options'> & {
  readonly source: Pick<CheckedSide, 'inventory'> & Partial<Pick<CheckedSide, 'session'>>;
};

/** Rows that one version stored are read by another version's code as something else: both sides must be the same. */
export const timescaleVersion: Check<VersionChecked> = async ({ source, target, options }) => {
  const wanted = source.inventory.timescale;
  if (!wanted) return [];
  return [
    ...(await matching(wanted.version, source, target, options.updateSource)),
    ...schemaOf(wanted.schema, wanted.version, source, target),
    ...(await updateAfter(wanted.version, options.updateTargetAfter, target)),
    ...serviceMinimum(wanted.version, source, target),
  ];
};

const WHY_THE_SAME =
  'A database restored under another version of TimescaleDB is refused at the end, or subtly corrupted.';

async function matching(
  wanted: string,
  source: VersionChecked['source'],
  target: CheckedSide,
  updateSource: boolean,
): Promise<Finding[]> {
  const { server, availableVersions, timescale } = target.inventory;
  const available = availableVersions.get('timescaledb');
  if (timescale?.version === wanted) return [];
  if (!available) return [missing(wanted)];
  if (!server.preloadsTimescale) return [NOT_PRELOADED];
  if (available.includes(wanted) && (timescale?.isOwned ?? true)) return [matched(wanted, source, timescale)];
  const common =
    source.session &&
    (await commonUpdate(source.session, wanted, possibleTimescaleVersions(target.inventory)));
  const severity = common && updateSource ? 'note' : 'blocker';
  return [
    timescale && !timescale.isOwned
      ? { ...fixed(wanted, source, server.role, timescale, common), severity }
      : { ...unavailable(wanted, source, target, available, common), severity },
  ];
}

function missing(wanted: string): Finding {
  return {
    id: 'timescale-missing',
    severity: 'blocker',
    found: `expected TimescaleDB ${wanted} on the target server, but it has no TimescaleDB`,
    objects: [],
    why: WHY_THE_SAME,
    mend: 'Install TimescaleDB on the target server, and add it to shared_preload_libraries.',
  };
}

const NOT_PRELOADED: Finding = {
  id: 'timescale-not-preloaded',
  severity: 'blocker',
  found: "expected timescaledb in the target's shared_preload_libraries, but it is not loaded",
  objects: [],
  why: 'TimescaleDB works only when the server has loaded it at its start.',
  mend: "ALTER SYSTEM SET shared_preload_libraries = 'timescaledb'; then restart the target server.",
};

function matched(
  wanted: string,
  source: VersionChecked['source'],
  timescale: Timescale | undefined,
): Finding {
  return {
    id: 'timescale-version-matched',
    severity: 'note',
    found: `the target gets TimescaleDB ${wanted}, ${whose(source)} version${timescale ? `, in place of ${timescale.version}` : ''}`,
    objects: [],
    why: WHY_THE_SAME,
    mend: 'Nothing to do: it is made so.',
  };
}

/** The connecting role may not change the target's. */
function fixed(
  wanted: string,
  source: VersionChecked['source'],
  role: string,
  { version }: Timescale,
  common: string | undefined,
): Omit<Finding, 'severity'> {
  return {
    id: 'timescale-version-fixed',
    found: `expected TimescaleDB ${wanted}, ${whose(source)} version, on the target, but it is ${version}, and ${role} may not change that`,
    objects: [],
    why: WHY_THE_SAME,
    mend:
      common === undefined
        ? `Ask who runs the target for TimescaleDB ${wanted}, or ${source.session ? `bring the source to ${version}` : RESTORE_ELSEWHERE}.`
        : `Update the source: ${updateTo(common)}`,
  };
}

function unavailable(
  wanted: string,
  source: VersionChecked['source'],
  target: CheckedSide,
  available: readonly string[],
  common: string | undefined,
): Omit<Finding, 'severity'> {
  const lists = `the target server has ${versionList(target)}${source.session ? `; the source server has ${versionList(source)}` : ''}`;
  return {
    id: common ? 'timescale-version-source-update' : 'timescale-version',
    found: `expected TimescaleDB ${wanted}, ${whose(source)} version, on the target server, but ${lists}`,
    objects: [...available],
    why: WHY_THE_SAME,
    mend: common
      ? `Update the source to ${common}, which both have: ${updateTo(common)}`
      : `Install TimescaleDB ${wanted} on the target server, or ${source.session ? 'a version that the target has on the source server and update the source to it' : RESTORE_ELSEWHERE}.`,
  };
}

function whose({ session }: VersionChecked['source']): string {
  return session ? "the source's" : "the dump's";
}

function updateTo(version: string): string {
  return `hyperferry migrate --update-source, or ALTER EXTENSION timescaledb UPDATE TO '${version}'; as the first command of a fresh session on the source.`;
}

const RESTORE_ELSEWHERE = 'restore into a server that has it';

function versionList({ inventory }: Pick<CheckedSide, 'inventory'>): string {
  return nameSome((inventory.availableVersions.get('timescaledb') ?? []).toSorted(compareVersions));
}

function schemaOf(
  schema: string,
  version: string,
  source: VersionChecked['source'],
  target: CheckedSide,
): Finding[] {
  const installed = target.inventory.timescale;
  if (!installed || installed.schema === schema || installed.version !== version) return [];
  return [
    {
      id: 'timescale-schema',
      severity: installed.isOwned ? 'note' : 'blocker',
      found: `TimescaleDB is in the schema ${schema} ${source.session ? 'on the source' : 'in the dump'} and in ${installed.schema} on the target`,
      objects: [schema, installed.schema],
      why: "Views and functions name the extension's schema.",
      mend: installed.isOwned
        ? `Nothing to do: it is dropped, and made in ${schema}.`
        : `Ask who runs the target to drop the extension, or ${source.session ? 'move it on the source to the same schema' : 'restore into another server'}.`,
    },
  ];
}

/** Refused at the end, an update would leave the target moved but not as it was asked for. */
async function updateAfter(
  wanted: string,
  asked: true | string | undefined,
  { inventory, session }: CheckedSide,
): Promise<Finding[]> {
  if (asked === undefined) return [];
  const why = 'The update would be refused after everything was moved.';
  const { timescale, server } = inventory;
  if (timescale && !timescale.isOwned) {
    return [
      {
        id: 'update-target-after',
        severity: 'blocker',
        code: 'PRIVILEGE',
        found: `expected the role ${server.role} to own TimescaleDB on the target for --update-target-after, but it does not`,
        objects: [],
        why,
        mend: 'Leave --update-target-after away, and ask who runs the target for the update.',
      },
    ];
  }
  const reachable = [wanted, ...(await updateTargets(session, wanted))];
  if (asked === true || reachable.includes(asked)) return [];
  return [
    {
      id: 'update-target-after',
      severity: 'blocker',
      found: `expected a version for --update-target-after to which the target server can update ${wanted}, but ${asked} came; it can update to ${nameSome(reachable.toSorted(compareVersions))}`,
      objects: [],
      why,
      mend: 'Name one of these, or leave the version away for the newest.',
    },
  ];
}

function serviceMinimum(version: string, source: VersionChecked['source'], target: CheckedSide): Finding[] {
  const isService =
    target.inventory.server.role === 'tsdbadmin' ||
    target.connection.hosts.some(({ host }) => host.endsWith('.tsdb.cloud.timescale.com'));
  const lowest = LOWEST_SERVICE_VERSIONS.get(target.inventory.server.major);
  if (!isService || !lowest || compareVersions(version, lowest) >= 0) return [];
  return [
    {
      id: 'timescale-service-minimum',
      severity: 'blocker',
      found: `expected TimescaleDB ${lowest} or newer for Timescale's service on PostgreSQL ${target.inventory.server.major}, but ${source.session ? 'the source runs' : 'the dump is of'} ${version}`,
      objects: [],
      why: 'The service does not offer older versions.',
      mend: `${source.session ? 'Update the source first' : `Restore into a server that has ${version}, update that, and migrate from there`}: ALTER EXTENSION timescaledb UPDATE TO '${lowest}'; as the first command of a fresh session.`,
    },
  ];
}
