import type { LeftOut } from '../plan/left-out.js';
import { populatedViews } from '../plan/plan.js';
import type { Statement } from '../plan/statement.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { LEAVE_RESTORE_MODE_IN_SESSION } from '../timescale/timescale.js';
import { type Stage, withTargetSession } from './migration.js';
import { type Excuse, runStatements } from './run-statements.js';

/**
 * Fills the materialized views that are filled on the source, in the archive's order, so that each comes after those
 * that it reads, as far as an archive knows them. Without restore mode: in it, compressed rows and continuous aggregates
 * look empty.
 */
export const materializedViews: Stage = async (migration) => {
  const { plan } = migration;
  const views = populatedViews(plan);
  if (views.length === 0) return;
  await withTargetSession(migration, async (session) => {
    // What a view computes may depend on them: the time zone above all.
    for (const [name, value] of Object.entries(plan.source.server.sessionDefaults)) {
      await session.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value]);
    }
    if (plan.source.timescale && plan.target.server.isSuperuser)
      await session.query(LEAVE_RESTORE_MODE_IN_SESSION);
    const statements = views.map(({ schema = '', tag }) => ({
      sql: `REFRESH MATERIALIZED VIEW ${quoteQualified({ schema, name: tag })};`,
      object: `content of materialized view ${schema}.${tag}`,
    }));
    for (const item of await fillAsFarAsPossible(session, statements)) migration.leaveOut(item);
  });
};

/**
 * An archive does not know what a view reads through a function. So those that are refused are tried again as long as
 * that fills one more.
 */
async function fillAsFarAsPossible(session: Session, statements: readonly Statement[]): Promise<LeftOut[]> {
  const refused: LeftOut[] = [];
  await runStatements(session, statements, { excuse: excuseContent, leaveOut: (item) => refused.push(item) });
  if (refused.length === 0 || refused.length === statements.length) return refused;
  const unfilled = new Set(refused.map(({ object }) => object));
  return fillAsFarAsPossible(
    session,
    statements.filter(({ object }) => unfilled.has(object)),
  );
}

/** Lost connections, resources that are lacking, an operator's or the system's doing, bugs: not what the view asks for. */
const NOT_THE_VIEWS = /^(08|40|53|57|58|XX)/;

/** A view may have become one that cannot be filled any more, on the source as well: its rows break a unique index, say. */
const excuseContent: Excuse = ({ object, sql }, error) =>
  NOT_THE_VIEWS.test(error.code) ? undefined : { object, reason: error.message, sql };
