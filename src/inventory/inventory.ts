import type { Session } from '../postgres/session.js';
import { type MissingValue, readMissingValues } from '../timescale/missing-values.js';
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
}

/** Reads a database. In a transaction with a snapshot, all of it is as of the snapshot. */
export async function readInventory(session: Session): Promise<Inventory> {
  const server = await readServer(session);
  const timescale = await readTimescale(session);
  return {
    server,
    database: await readDatabase(session),
    timescale,
    extensions: await readExtensions(session),
    availableVersions: await readAvailableVersions(session),
    schemas: await readNames(session, 'SELECT nspname AS name FROM pg_catalog.pg_namespace'),
    tablespaces: await readNames(session, 'SELECT spcname AS name FROM pg_catalog.pg_tablespace'),
    relations: await readRelations(session, server.version, timescale),
    definitions: await readDefinitions(session),
    sequences: await readSequences(session),
    largeObjects: await readLargeObjects(session),
    populatedViews: new Set(
      (
        await session.query<{ oid: string }>(
          `SELECT oid::int8 AS oid FROM pg_catalog.pg_class WHERE relkind = 'm' AND relispopulated`,
        )
      ).map(({ oid }) => Number(oid)),
    ),
    roles: await readRoles(session, server.version),
    missingValues: timescale ? await readMissingValues(session) : [],
  };
}

async function readNames(session: Session, query: string): Promise<string[]> {
  return (await session.query<{ name: string }>(query)).map(({ name }) => name);
}

/** The versions of TimescaleDB that a database can have: that which is there, where the role may not change it. */
export function possibleTimescaleVersions({ timescale, availableVersions }: Inventory): readonly string[] {
  if (timescale && !timescale.isOwned) return [timescale.version];
  return availableVersions.get('timescaledb') ?? [];
}
