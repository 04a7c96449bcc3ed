import type { Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import { compareVersions } from '../timescale/timescale.js';
import type { LeftOut } from './left-out.js';

/** How the target's TimescaleDB becomes the source's. */
export type TimescaleMatch =
  /** It is the same already, or the source has none. */
  | { readonly action: 'keep' }
  | { readonly action: 'create' }
  /** The target's is older. Where the update is refused, it is dropped and made anew. */
  | { readonly action: 'update'; readonly to: string }
  /** The target's is newer, or in another schema; the target holds nothing of the user's. */
  | { readonly action: 'drop' };

/** Without a version: the target has not the source's, and takes the one that it prefers. */
export interface ExtensionCreation {
  readonly extension: Extension;
  readonly version: string | undefined;
}

/** What the extensions stage does to make the target's extensions those of the source. */
export interface ExtensionPlan {
  readonly timescale: TimescaleMatch;
  /** In the order in which they require each other. */
  readonly create: readonly ExtensionCreation[];
  readonly leftOut: readonly LeftOut[];
}

export function planExtensions(source: Inventory, target: Inventory): ExtensionPlan {
  const timescale = matchTimescale(source, target);
  const present = new Map(target.extensions.map((extension) => [extension.name, extension]));
  if (timescale.action === 'drop') present.delete('timescaledb');

  const create: ExtensionCreation[] = [];
  const leftOut: LeftOut[] = [];
  for (const extension of source.extensions) {
    const existing = present.get(extension.name);
    if (existing) {
      if (existing.version !== extension.version && extension.name !== 'timescaledb') {
        leftOut.push(...otherVersion(extension, existing.version));
      }
      continue;
    }
    const creation = planCreation(extension, target);
    create.push(creation);
    if (creation.version === undefined) leftOut.push(...otherVersion(extension, 'the one that it prefers'));
  }
  return { timescale, create, leftOut };
}

export function planCreation(extension: Extension, target: Inventory): ExtensionCreation {
  const hasVersion = target.availableVersions.get(extension.name)?.includes(extension.version);
  return { extension, version: hasVersion ? extension.version : undefined };
}

function matchTimescale({ timescale: wanted }: Inventory, { timescale: there }: Inventory): TimescaleMatch {
  if (!there) return { action: wanted ? 'create' : 'keep' };
  // An extension that the source lacks is not in the way, unless a schema of the same name is.
  if (!wanted) return { action: 'keep' };
  if (there.version === wanted.version && there.schema === wanted.schema) return { action: 'keep' };
  const isOlder = compareVersions(there.version, wanted.version) < 0;
  return isOlder && there.schema === wanted.schema
    ? { action: 'update', to: wanted.version }
    : { action: 'drop' };
}

/** Nothing where the source's version is not known, as of an archive of `pg_dump`. */
function otherVersion({ name, version }: Extension, used: string): LeftOut[] {
  if (version === '') return [];
  return [{ object: `version ${version} of extension ${name}`, reason: `the target has another: ${used}` }];
}
