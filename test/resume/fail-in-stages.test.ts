import { expect, test } from 'vitest';
import { STAGES } from '../../src/engine/events.js';
import { expectError, failureOf } from '../bad-input/refusal.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { query, queryValue } from '../integration/sql.js';
import { makeWorkForEachStage } from './each-stage.js';
import { beginOf, stopAt } from './stopped.js';

/** Fails a run that has done the work of a stage, before the ledger says so. */
const FAIL = `
CREATE TABLE _hyperferry.failed_in (stage text);
CREATE FUNCTION _hyperferry.fail() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN
    IF EXISTS (SELECT FROM _hyperferry.failed_in WHERE stage = NEW.name) THEN RAISE 'failed by a test'; END IF;
    RETURN NEW;
  END $$;
CREATE TRIGGER fail BEFORE UPDATE OF finished_at ON _hyperferry.stage FOR EACH ROW EXECUTE FUNCTION _hyperferry.fail();`;

test('a run that fails in each of its stages when that has done its work is whole in the end', async () => {
  const databases = await makeWorkForEachStage('fail_in_stages');
  await stopAt(databases, beginOf('roles'));
  await query(databases.target, FAIL);
  for (const stage of STAGES.slice(STAGES.indexOf('roles'), STAGES.indexOf('finish'))) {
    await query(
      databases.target,
      `TRUNCATE _hyperferry.failed_in; INSERT INTO _hyperferry.failed_in VALUES ('${stage}')`,
    );
    const error = await failureOf({ ...databases, resume: true });
    expectError(error, { code: 'STATEMENT', says: ['failed by a test'], advises: '--resume' });
    expect(await queryValue(databases.target, 'SELECT stage FROM _hyperferry.run')).toBe(stage);
  }
  await query(databases.target, 'TRUNCATE _hyperferry.failed_in');
  await migrateDatabase(databases, { resume: true });
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});
