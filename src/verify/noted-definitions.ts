import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import type { Side } from '../postgres/session.js';
import type { Definition, Versions } from './definitions/definition.js';
import { DEFINITION_QUERIES } from './definitions/definition-queries.js';
import { flatQuery } from './flat-query.js';
import { type AskedSide, askServer, type ObjectQuery, type ObjectSum } from './object-queries.js';
import { type ComparedSide, withComparingSession } from './side.js';

/** What the definitions of a side add up to, by the names of their queries. */
export type DefinitionSums = ReadonlyMap<string, ObjectSum>;

/** By names that both sides give them. */
export function definitionQueries(versions: Versions): Map<string, ObjectQuery> {
  return new Map(
    DEFINITION_QUERIES.map((query, at) => [`definitions ${at}`, definitionQuery(query(versions))]),
  );
}

function definitionQuery(text: string): ObjectQuery {
  return {
    area: 'definition',
    text,
    objectOf: (row) => {
      const { kind, object, text } = row as Definition;
      // What the snapshot still has, and the present does not.
      if (text === null) throw changed(`${kind} ${object} was dropped while its definition was read`);
      const said = kind.startsWith('query of ') ? flatQuery(text) : text;
      return [kind, object, said.split('\n')];
    },
  };
}

/**
 * Reads the sums of definitions soon after the snapshot was taken. PostgreSQL prints definitions as they are at the
 * moment, whatever the snapshot (`pg_get_viewdef()` and its like ask the caches): by the end of a long copy they would be
 * those of a source that has gone on.
 *
 * @param other `server_version_num` of the server that it will be compared with
 * @returns none where something was dropped meanwhile: then they are read when they are compared
 */
export async function readDefinitionSums(
  side: ComparedSide,
  other: number,
  signal: AbortSignal,
): Promise<DefinitionSums> {
  const server = side.inventory.server.version;
  const queries = definitionQueries({ server, older: Math.min(server, other) });
  try {
    return await withComparingSession(side, signal, (session) => askServer(session, queries).readSums());
  } catch (error) {
    if (databaseError(error)) return new Map();
    throw error;
  }
}

/** A side that is there to be asked, of which the sums of definitions were noted before. */
export function asNoted(asked: AskedSide, sums: DefinitionSums, side: Side): AskedSide {
  return {
    ...asked,
    async readSums(queries = new Set(asked.areas.keys())) {
      const others = new Set([...queries].filter((name) => !sums.has(name)));
      const noted = [...sums].filter(([name]) => queries.has(name));
      return new Map([...noted, ...(await asked.readSums(others))]);
    },
    readObjects: (queries) =>
      asked.readObjects(queries).catch((error: unknown) => {
        throw changedWhileRead(error, side);
      }),
    async expectAsNoted(queries, differences) {
      const noted = new Set([...queries].filter((name) => sums.has(name)));
      const now = await asked.readSums(noted);
      const others = [...noted].filter((name) => now.get(name)?.hash !== sums.get(name)?.hash);
      if (others.length === 0) return;
      const shown = differences.slice(0, OBJECTS_SHOWN).map(({ kind, object }) => `${kind} ${object}`);
      throw changed(
        `definitions were changed on the ${side} after the snapshot was taken, so that these cannot be compared: ${shown.join(', ')}`,
      );
    },
  };
}

const OBJECTS_SHOWN = 10;

/** A refusal that means that something is not there any more, which the snapshot still has. */
export function changedWhileRead(error: unknown, side: Side): unknown {
  const refusal = databaseError(error);
  if (!refusal || !GONE.has(refusal.code)) return error;
  return changed(
    `definitions were dropped or changed on the ${side} after the snapshot was taken: ${refusal.message}`,
    error,
  );
}

/**
 * A relation, a column, a function, another object, a schema; and what the server calls internal errors: `could not open
 * relation with OID …`, `cache lookup failed for …`.
 */
const GONE: ReadonlySet<string> = new Set(['42P01', '42703', '42883', '42704', '3F000', 'XX000']);

function changed(message: string, cause?: unknown): HyperferryError {
  return new HyperferryError('SOURCE_CHANGED', message, {
    cause,
    hint: 'Keep other sessions from changing definitions meanwhile, and begin again. A migration goes on with --resume, or by itself: hyperferry migrate --on-rewrite retry.',
  });
}
