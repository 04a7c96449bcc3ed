import type { Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from './left-out.js';

/** What the extensions stage does to make the target's extensions those of the source. */
export interface ExtensionPlan {
  /** TimescaleDB first drops a version that another left there; the target holds nothing of the user's then. */
  readonly dropTimescale: boolean;
  /** In the order in which they require each other. Without a version: the target has not the source's. */
  readonly create: readonly { readonly extension: Extension; readonly version: string | undefined }[];
  readonly leftOut: readonly LeftOut[];
}

export function planExtensions(source: Inventory, target: Inventory): ExtensionPlan {
  const present = new Map(target.extensions.map((extension) => [extension.name, extension]));
  const timescale = present.get('timescaledb');
  const wanted = source.extensions.find(({ name }) => name === 'timescaledb');
  const dropTimescale =
    timescale !== undefined && (timescale.version !== wanted?.version || timescale.schema !== wanted.schema);
  if (dropTimescale) present.delete('timescaledb');

  const create: { extension: Extension; version: string | undefined }[] = [];
  const leftOut: LeftOut[] = [];
  for (const extension of source.extensions) {
    const existing = present.get(extension.name);
    if (existing) {
      if (existing.version !== extension.version) leftOut.push(otherVersion(extension, existing.version));
      continue;
    }
    const versions = target.availableVersions.get(extension.name);
    const hasVersion = versions?.includes(extension.version) ?? false;
    create.push({ extension, version: hasVersion ? extension.version : undefined });
    if (!hasVersion && versions) leftOut.push(otherVersion(extension, 'the default of the target'));
  }
  return { dropTimescale, create, leftOut };
}

function otherVersion(extension: Extension, used: string): LeftOut {
  return {
    object: `version ${extension.version} of extension ${extension.name}`,
    reason: `the target has another: ${used}`,
  };
}
