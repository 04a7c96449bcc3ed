import type { Session } from '../postgres/session.js';
import { type MissingValue, readMissingValues } from '../timescale/missing-values.js';
import { type OwnJob, readOwnJobs } from '../timescale/own-jobs.js';
import { readTimescale, type Timescale } from '../timescale/timescale.js';
import { type DatabaseProperties, readDatabase } from './database.js';
import { type Definitions, readDefinitions } from './definitions.js';
import { type Extension, readAvailableVersions, readExtensions } from './extensions.js';
import { type LargeObject, readLargeObjects } from './large-objects.js';
import { type Relation, readRelations } from './relations.js';
import { type Roles, readRoles } from './roles.js';
import { type QualifiedName, readSequences } from './sequences.js';
import { readServer, type Server } from './server.js';

/** What one database holds, read in a handful of queries, whatever the number of its objects. */
export interface Inventory {
  readonly server: Server;
  readonly database: DatabaseProperties;
  /** Undefined for plain PostgreSQL. */
  readonly timescale: Timescale | undefined;
  readonly extensions: readonly Extension[];
  /** The versions that the server has files for, by the extension's name. */
  readonly availableVersions: ReadonlyMap<string, readonly string[]>;
  readonly schemas: readonly string[];
  readonly tablespaces: readonly string[];
  readonly relations: readonly Relation[];
  readonly definitions: Definitions;
  readonly sequences: readonly QualifiedName[];
  readonly largeObjects: readonly LargeObject[];
  /** The OIDs of materialized views that have been filled. */
  readonly populatedViews: ReadonlySet<number>;
  readonly roles: Roles;
  /** Values that chunks have for columns added after their rows were written. */
  readonly missingValues: readonly MissingValue[];
  /** TimescaleDB's own background jobs, as they are set. */
  readonly ownJobs: readonly OwnJob[];
}

/** Reads a database. In a transaction with a snapshot, all of it is as of the snapshot. */
export async function readInventory(session: Session): Promise<Inventory> {
  const [server, timescale] = await Promise.all([readServer(session), readTimescale(session)]);
  return allOf({
    server,
    database: readDatabase(session),
    timescale,
    extensions: readExtensions(session),
    availableVersions: readAvailableVersions(session),
    schemas: readNames(session, 'SELECT nspname AS name FROM pg_catalog.pg_namespace'),
    tablespaces: readNames(session, 'SELECT spcname AS name FROM pg_catalog.pg_tablespace'),
    relations: readRelations(session, server.version, timescale),
    definitions: readDefinitions(session),
    sequences: readSequences(session),
    largeObjects: readLargeObjects(session),
    populatedViews: readPopulatedViews(session),
    roles: readRoles(session, server.version),
    missingValues: timescale ? readMissingValues(session) : [],
    ownJobs: timescale ? readOwnJobs(session) : [],
  });
}

/** The object with what its promises give: all of them were asked for before the first answer came. */
async function allOf<T extends object>(promises: { [Key in keyof T]: T[Key] | Promise<T[Key]> }): Promise<T> {
  const entries = Object.entries(promises).map(async ([key, promise]) => [key, await promise] as const);
  return Object.fromEntries(await Promise.all(entries)) as T;
}

async function readPopulatedViews(session: Session): Promise<Set<number>> {
  const views = await session.query<{ oid: string }>(
    `SELECT oid::int8 AS oid FROM pg_catalog.pg_class WHERE relkind = 'm' AND relispopulated`,
  );
  return new Set(views.map(({ oid }) => Number(oid)));
}

async function readNames(session: Session, query: string): Promise<string[]> {
  return (await session.query<{ name: string }>(query)).map(({ name }) => name);
}

/** The versions of TimescaleDB that a database can have: that which is there, where the role may not change it. */
export function possibleTimescaleVersions({ timescale, availableVersions }: Inventory): readonly string[] {
  if (timescale && !timescale.isOwned) return [timescale.version];
  return availableVersions.get('timescaledb') ?? [];
}
