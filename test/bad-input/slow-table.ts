/** A function for a CHECK that takes its time, but not where the setting `slow.off` says so. */
export function slowly(seconds: number): string {
  return `
CREATE FUNCTION slowly(a int) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN
    IF current_setting('slow.off', true) IS DISTINCT FROM 'yes' THEN PERFORM pg_sleep(${seconds}); END IF;
    RETURN true;
  END $$;
SET slow.off = 'yes';`;
}

/**
 * A table whose rows come into the target one in a tenth of a second, for a minute: a run is in the middle of its copy
 * for as long as a test needs.
 */
export const SLOW_TABLE = `
${slowly(0.1)}
CREATE TABLE slow (a int CHECK (slowly(a)));
INSERT INTO slow SELECT generate_series(1, 600);`;
