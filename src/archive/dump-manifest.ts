import { randomUUID } from 'node:crypto';
import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from '../plan/left-out.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import { HyperferryError } from '../postgres/error.js';
import { nameOf } from '../verify/compared-relation.js';
import type { SideRecord } from '../verify/side-record.js';
import type { DumpedDatabase } from './dump-files.js';
import type { DumpedRows } from './dump-rows.js';
import { MANIFEST_FORMAT, type Manifest } from './manifest.js';

/** What `manifest.json` says of a dump. */
export function manifestOf(
  { name: sourceName, snapshot, compression, record, takenAt, databaseBytes, rolePasswords }: DumpedDatabase,
  rows: readonly DumpedRows[],
  files: readonly WrittenFile[],
): Manifest {
  const { inventory, id } = snapshot;
  const { server, timescale } = inventory;
  const fileOf = new Map(rows.map(({ table, file }) => [table.relation?.oid, file.name]));
  const relations = new Map(inventory.relations.map((relation) => [nameOf(relation), relation]));
  const hypertableOf = hypertablesOf(record.side);
  return {
    format: MANIFEST_FORMAT,
    id: randomUUID(),
    kind: 'archive',
    source: {
      name: sourceName,
      database: server.database,
      serverVersion: server.version,
      encoding: server.encoding,
      bytes: databaseBytes,
    },
    timescale: timescale ? { version: timescale.version, schema: timescale.schema } : null,
    snapshot: { id, takenAt: takenAt.toISOString() },
    compression: { algorithm: compression.algorithm, level: compression.level ?? null },
    extensions: inventory.extensions.map(({ name, version, schema }) => ({ name, version, schema })),
    continuousAggregates: [...record.features.continuousAggregates],
    largeObjects: inventory.largeObjects.length,
    roles: inventory.roles.roles.map(({ name }) => name),
    rolePasswords,
    tables: [...record.side.totals].map(([name, { rows: count, checksum }]) => {
      const relation = relations.get(name);
      if (!relation) throw new HyperferryError('INTERNAL', `${name} was read, and is not in the inventory`);
      return {
        schema: relation.schema,
        name: relation.name,
        kind: relation.kind,
        rows: count,
        checksum: checksum ?? null,
        file: fileOf.get(relation.oid) ?? null,
        hypertable: hypertableOf(relation.oid),
        compressed: record.side.chunksOfCompressed.has(relation.oid),
      };
    }),
    files: [...files],
    leftOut: rolePasswords ? [] : passwordsLeftOut(inventory),
  };
}

/** The hypertable of each chunk, and of the relation that holds a chunk's compressed rows, by OID. */
function hypertablesOf({ inventory, chunksOfCompressed }: SideRecord) {
  const byOid = new Map(inventory.relations.map((relation) => [relation.oid, relation]));
  return (oid: number): Manifest['tables'][number]['hypertable'] => {
    const parent = byOid.get(chunksOfCompressed.get(oid) ?? oid)?.parent;
    const hypertable = parent === undefined ? undefined : byOid.get(parent);
    return hypertable ? { schema: hypertable.schema, name: hypertable.name } : null;
  };
}

function passwordsLeftOut({ roles }: Inventory): LeftOut[] {
  return roles.roles
    .filter(({ name, canLogin, hasPassword }) => name !== 'postgres' && canLogin && hasPassword !== false)
    .map(({ name }) => ({
      object: `password of role ${name}`,
      reason: 'passwords are dumped only when asked for (--role-passwords)',
    }));
}
