import type { Migration } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** Of the target's before the run; the source's comes with its own owner and grants, where it has others than at first. */
const READ_IS_AS_AT_FIRST = `
SELECT n.nspowner = FIRST_OWNER AND n.nspacl IS NOT DISTINCT FROM i.initprivs AS "isAsAtFirst"
FROM pg_catalog.pg_namespace n
LEFT JOIN pg_catalog.pg_init_privs i ON i.objoid = n.oid AND i.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
WHERE n.nspname = 'public'`;

/**
 * Gives the schema `public` the owner and the grants that it has in a new database: an archive has only what the source's
 * has beyond, and whoever prepared the target may have granted more.
 */
export async function resetPublicSchema({
  plan,
  target,
  standing,
  leaveOut,
  emit,
}: Migration): Promise<void> {
  const { session } = target;
  const { server, schemas } = plan.target;
  if (!schemas.includes('public') || !standing.isEmpty) return;
  const isOfDatabaseOwner = server.version >= FIRST_OF_DATABASE_OWNER;
  const owner = isOfDatabaseOwner ? `'pg_database_owner'::pg_catalog.regrole` : BOOTSTRAP_SUPERUSER;
  const rows = await session.query<{ isAsAtFirst: boolean }>(
    READ_IS_AS_AT_FIRST.replace('FIRST_OWNER', `${owner}::oid`),
  );
  if (rows[0]?.isAsAtFirst ?? true) return;
  const statement = {
    object: 'owner and grants of schema public as in a new database',
    sql: resetting(owner, isOfDatabaseOwner ? 'USAGE' : 'USAGE, CREATE'),
  };
  await runStatements(session, [statement], { excuse: excuseMissingRights, leaveOut });
  emit({
    type: 'notice',
    message:
      'the schema public of the target had another owner or other grants than in a new database; it gets those of the source',
  });
}

const FIRST_OF_DATABASE_OWNER = 150_000;
const BOOTSTRAP_SUPERUSER = '10::pg_catalog.regrole';

function resetting(owner: string, granted: string): string {
  return `
DO $hyperferry$
DECLARE who text;
BEGIN
  FOR who IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
    FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a WHERE n.nspname = 'public'
  LOOP
    EXECUTE 'REVOKE ALL ON SCHEMA public FROM ' || who || ' CASCADE';
  END LOOP;
  EXECUTE 'ALTER SCHEMA public OWNER TO ' || ${owner};
  EXECUTE 'GRANT ALL ON SCHEMA public TO ' || ${owner};
  GRANT ${granted} ON SCHEMA public TO PUBLIC;
END $hyperferry$;`;
}
