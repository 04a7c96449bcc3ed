import type { LargeObject } from '../inventory/large-objects.js';
import { grantStatements } from '../plan/grant-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Migration, Stage } from './migration.js';
import { excuseGrants, runStatements } from './run-statements.js';

/** Memory holds one piece of a large object, in its text form of twice that size. */
const PIECE_BYTES = 4 * 1024 ** 2;

/** Large objects with their OIDs, owners, grants and comments. */
export const largeObjects: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  for (const object of plan.source.largeObjects) {
    await target.session.transaction(async () => {
      await target.session.query('SELECT pg_catalog.lo_create($1::oid)', [object.oid]);
      await copyContent(object.oid, migration);
    });
  }
  await runStatements(
    target.session,
    plan.source.largeObjects.flatMap((object) => propertiesOf(object, migration)),
    { excuse: excuseGrants, leaveOut },
  );
};

async function copyContent(oid: number, { source, target }: Migration): Promise<void> {
  for (let offset = 0; ; offset += PIECE_BYTES) {
    const { piece } = await source.session.one<{ piece: Buffer }>(
      'SELECT pg_catalog.lo_get($1::oid, $2::int8, $3::int) AS piece',
      [oid, offset, PIECE_BYTES],
    );
    if (piece.length > 0) {
      await target.session.query('SELECT pg_catalog.lo_put($1::oid, $2::int8, $3::bytea)', [
        oid,
        offset,
        piece,
      ]);
    }
    if (piece.length < PIECE_BYTES) return;
  }
}

function propertiesOf(object: LargeObject, { plan }: Migration): Statement[] {
  const name = `LARGE OBJECT ${object.oid}`;
  return [
    ...(object.comment === null
      ? []
      : [{ sql: `COMMENT ON ${name} IS ${quoteLiteral(object.comment)};`, object: `comment of ${name}` }]),
    ...(plan.options.owners
      ? [
          {
            sql: `ALTER ${name} OWNER TO ${quoteIdentifier(plan.owners.ownerOf(object.owner))};`,
            object: `owner of ${name}`,
          },
        ]
      : []),
    ...(plan.options.privileges ? grantStatements(name, object.grants) : []),
  ];
}
