/**
 * A table whose rows come into the target one in a tenth of a second, for a minute: a run is in the middle of its copy
 * for as long as a test needs.
 */
export const SLOW_TABLE = `
CREATE FUNCTION slowly(a int) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN
    IF current_setting('slow.off', true) IS DISTINCT FROM 'yes' THEN PERFORM pg_sleep(0.1); END IF;
    RETURN true;
  END $$;
SET slow.off = 'yes';
CREATE TABLE slow (a int CHECK (slowly(a)));
INSERT INTO slow SELECT generate_series(1, 600);`;
