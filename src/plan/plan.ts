import type { Inventory } from '../inventory/inventory.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { type Division, divideArchive } from './division.js';
import { type ExtensionPlan, planExtensions } from './extension-plan.js';
import { foreignFilters, leftBehind, missingTablespaces, passwordsLeftBehind } from './left-behind.js';
import type { LeftOut } from './left-out.js';
import { mapOwners, type OwnerMap } from './owner-map.js';
import { type RoleStatements, roleStatements } from './role-statements.js';

export interface PlanOptions {
  /** Carry owners over. */
  readonly owners: boolean;
  /** Carry grants over. */
  readonly privileges: boolean;
  /** How much is compared when all is copied. */
  readonly verify: 'none' | 'counts' | 'checksums';
  /** New owners by the names that they have on the source. */
  readonly roleMap: Readonly<Record<string, string>>;
  /** The stored forms of passwords by role; empty when they stay behind. */
  readonly rolePasswords: ReadonlyMap<string, string>;
  /** The tables that come, where not all do. */
  readonly only?: readonly string[] | undefined;
  /** What of them comes, where not all: definitions without rows, or rows into definitions that stand. */
  readonly content?: 'definitions' | 'rows' | undefined;
}

/** What a migration will do, decided from what was read. Deciding reads and changes nothing. */
export interface Plan {
  readonly options: PlanOptions;
  readonly source: Inventory;
  readonly target: Inventory;
  readonly roles: RoleStatements;
  readonly owners: OwnerMap;
  readonly extensions: ExtensionPlan;
  readonly schema: Division;
  /** Tablespaces that both servers have. */
  readonly tablespaces: ReadonlySet<string>;
  readonly leftOut: readonly LeftOut[];
}

/** The source's definitions, as entries of an archive. */
export interface SchemaEntries {
  readonly entries: readonly TocEntry[];
  /** The OIDs of chunks whose tables workers make. */
  readonly plainChunks: ReadonlySet<number>;
}

export function makePlan(
  source: Inventory,
  target: Inventory,
  { entries: archive, plainChunks }: SchemaEntries,
  options: PlanOptions,
): Plan {
  const extensions = planExtensions(source, target);
  const tablespaces = new Set(source.tablespaces.filter((name) => target.tablespaces.includes(name)));
  const owners = mapOwners(
    [
      ...archive.flatMap(({ owner }) => owner ?? []),
      ...source.largeObjects.map(({ owner }) => owner),
      source.database.owner,
    ],
    options.roleMap,
    source,
    target,
  );
  return {
    options,
    source,
    target,
    owners,
    roles: roleStatements(source, target, options.rolePasswords),
    extensions,
    schema: divideArchive(archive, source, plainChunks),
    tablespaces,
    leftOut: [
      ...(options.content === 'definitions' ? [] : foreignFilters(source)),
      // Who brings rows alone leaves no definition out.
      ...(options.content === 'rows'
        ? []
        : [
            ...extensions.leftOut,
            ...(options.owners ? owners.leftOut : []),
            ...leftBehind(source, target),
            ...missingTablespaces(archive, tablespaces),
            ...passwordsLeftBehind(source, target, options.rolePasswords.size > 0),
          ]),
    ],
  };
}

/**
 * The materialized views that are filled on the source, each after those that it reads. pg_dump postpones one that
 * needs a primary key, since it groups by one, to after the rows.
 */
export function populatedViews({ schema, source }: Plan): TocEntry[] {
  return [...schema.before, ...schema.after].filter(
    ({ kind, oid }) => kind === 'MATERIALIZED VIEW' && source.populatedViews.has(oid),
  );
}

/** Less the definitions that the tasks have, once these are in the ledger: of many chunks, they are most of the plan. */
export function withoutTasks(plan: Plan): Plan {
  const chunks = plan.schema.chunks.map((entry) => ({ ...entry, definition: '' }));
  return {
    ...plan,
    schema: { ...plan.schema, chunks, indexes: new Map(), validations: [], foreignKeys: [] },
  };
}
