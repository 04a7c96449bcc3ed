/**
 * A recursive table of the types that stored columns have, and of what these are made of, as far as they are the user's. A
 * table's row type is among them where a column holds rows of the table: they travel as text, by the place of each field.
 */
export const STORED_TYPES = `stored (type) AS (
  SELECT a.atttypid
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE c.relkind IN ('r', 'p') AND a.atttypid >= 16384
  UNION
  SELECT part.type
  FROM stored
  JOIN pg_catalog.pg_type t ON t.oid = stored.type
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
  CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype), (a.atttypid)) AS part (type)
  WHERE part.type >= 16384
)`;
