import type { Relation } from '../inventory/relations.js';
import type { QualifiedName } from '../inventory/sequences.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import type { DumpRecord } from './dump-record.js';
import { namesLike, parseTableName, shownName } from './table-name.js';

/**
 * Finds the table, hypertable or partitioned table of a name.
 *
 * @param text as SQL reads it
 * @throws HyperferryError `USAGE` for what is no table of the dump, or a part of one
 */
export function findTable(
  text: string,
  entries: readonly TocEntry[],
  { side: { inventory, chunksOfCompressed } }: DumpRecord,
): Relation {
  const { schema, name } = parseTableName(text);
  const isMeant = (one: QualifiedName): boolean =>
    one.name === name && (schema === undefined || one.schema === schema);
  const isPart = ({ oid, kind, parent, schema: home }: Relation): boolean =>
    parent !== undefined ||
    kind === 'chunk' ||
    chunksOfCompressed.has(oid) ||
    home === '_timescaledb_internal';
  const found = inventory.relations.filter(isMeant);
  const [table, another] = found.filter((relation) => !isPart(relation));
  if (table && another) {
    throw new HyperferryError(
      'USAGE',
      `expected one table for ${text}, but ${found.map(shownName).join(', ')} have that name`,
      {
        hint: 'Name it with its schema.',
      },
    );
  }
  if (table) return table;
  const [part] = found;
  if (part) {
    const chunk = chunksOfCompressed.get(part.oid) ?? part.oid;
    const parent = inventory.relations.find(({ oid }) => oid === chunk)?.parent;
    const hypertable = inventory.relations.find(({ oid }) => oid === parent);
    throw new HyperferryError(
      'USAGE',
      `expected a table or a hypertable, but ${shownName(part)} is a part of one`,
      {
        hint:
          hypertable && !isPart(hypertable)
            ? `Name the whole: --only ${shownName(hypertable)}`
            : 'Name the hypertable that it is a part of.',
      },
    );
  }
  const tables = inventory.relations.filter((relation) => !isPart(relation));
  const other = entries.find(
    ({ kind, schema: home = '', tag }) =>
      /VIEW$|^SEQUENCE$|^FOREIGN TABLE$/.test(kind) && isMeant({ schema: home, name: tag }),
  );
  throw new HyperferryError(
    'USAGE',
    other
      ? `expected a table or a hypertable, but ${text} is a ${other.kind.toLowerCase()}`
      : `expected a table of the dump, but it has none of the name ${text}`,
    {
      hint: tables.length === 0 ? 'The dump has no tables.' : `It has ${namesLike(name, tables)}.`,
    },
  );
}
