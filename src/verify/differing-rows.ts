import type { Session } from '../postgres/session.js';
import type { ReadRelation } from './compared-relation.js';
import { type EncodingMatch, rowHash, valueBeginning, valueHash } from './row-hash.js';
import type { DifferingRow } from './verification.js';

/** A relation or a range of one, and the session to read it with. */
export interface SearchedSide {
  readonly session: Session;
  readonly relation: Pick<ReadRelation, 'from' | 'columns'>;
}

/** By the hash of their keys; each has a sum of its own. */
const BUCKETS = 4096;
/** What is shown of a value. */
const SHOWN_CHARACTERS = 200;

/**
 * Finds rows that differ between two relations, up to `limit` of them. Rows are put into buckets by the hash of their
 * key (of all columns where there is none), so that both sides' versions of a row meet in one bucket; buckets whose
 * sums differ are then looked into. Reads each side three times, and sends little of it.
 *
 * @param key the columns that name a row; empty when the relation has no key
 * @param where a condition on the rows, as SQL; empty for all
 */
export async function findDifferingRows(
  source: SearchedSide,
  target: SearchedSide,
  options: {
    readonly key: readonly string[];
    readonly limit: number;
    readonly encodings: EncodingMatch;
    readonly where?: string;
  },
): Promise<DifferingRow[]> {
  const both = [source, target].map((side) => new Searched(side, options));
  const [left, right] = both as [Searched, Searched];
  const [leftSums, rightSums] = await Promise.all([left.buckets(), right.buckets()]);
  const buckets = differingKeys(leftSums, rightSums).slice(0, options.limit);
  if (buckets.length === 0) return [];

  const [leftRows, rightRows] = await Promise.all([left.hashes(buckets), right.hashes(buckets)]);
  const keys = differingKeys(leftRows, rightRows).slice(0, options.limit);
  const [leftFound, rightFound] = await Promise.all([left.rows(keys), right.rows(keys)]);
  return keys.map((key) => describe(leftFound.get(key) ?? [], rightFound.get(key) ?? [], options.key));
}

/** A row as it is shown, and what tells it from others. */
interface FoundRow {
  readonly hash: string;
  readonly hashes: readonly (string | null)[];
  readonly texts: Readonly<Record<string, string | null>>;
}

class Searched {
  readonly #session: Session;
  readonly #relation: SearchedSide['relation'];
  readonly #keyHash: string;
  readonly #rowHash: string;
  readonly #encodings: EncodingMatch;
  readonly #where: string;

  constructor(
    { session, relation }: SearchedSide,
    { key, encodings, where }: { key: readonly string[]; encodings: EncodingMatch; where?: string },
  ) {
    this.#session = session;
    this.#relation = relation;
    this.#encodings = encodings;
    this.#where = where ? `AND (${where})` : '';
    this.#rowHash = rowHash(relation.columns, encodings);
    const keyColumns = relation.columns.filter(({ name }) => key.includes(name));
    this.#keyHash = keyColumns.length > 0 ? rowHash(keyColumns, encodings) : this.#rowHash;
  }

  async buckets(): Promise<Map<string, string>> {
    const rows = await this.#session.query<{ bucket: string; sum: string }>(`
SELECT (${this.#bucket})::text AS bucket, pg_catalog.count(*) || ' ' || pg_catalog.sum(${this.#rowHash}) AS sum
FROM ${this.#relation.from} WHERE true ${this.#where} GROUP BY 1`);
    return new Map(rows.map(({ bucket, sum }) => [bucket, sum]));
  }

  /** The hashes of the rows by the hash of their key. */
  async hashes(buckets: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.#session.query<{ key: string; hash: string }>(
      `SELECT (${this.#keyHash})::text AS key, (${this.#rowHash})::text AS hash
FROM ${this.#relation.from} WHERE ${this.#bucket} = ANY ($1::int8[]) ${this.#where}`,
      [buckets],
    );
    const byKey = new Map<string, string[]>();
    for (const { key, hash } of rows) byKey.set(key, [...(byKey.get(key) ?? []), hash]);
    return new Map([...byKey].map(([key, hashes]) => [key, hashes.sort().join(' ')]));
  }

  async rows(keys: readonly string[]): Promise<Map<string, FoundRow[]>> {
    const { columns } = this.#relation;
    const texts = columns.map((column) => valueBeginning(column, SHOWN_CHARACTERS));
    const hashes = columns.map((column) => `(${valueHash(column, this.#encodings)})::text`);
    const rows = await this.#session.query<{
      key: string;
      hash: string;
      texts: (string | null)[];
      hashes: (string | null)[];
    }>(
      `SELECT (${this.#keyHash})::text AS key, (${this.#rowHash})::text AS hash,
       ARRAY[${texts.join(', ')}]::text[] AS texts, ARRAY[${hashes.join(', ')}]::text[] AS hashes
FROM ${this.#relation.from} WHERE ${this.#keyHash} = ANY ($1::int8[]) ${this.#where}
LIMIT ${keys.length * 4}`,
      [keys],
    );
    const found = new Map<string, FoundRow[]>();
    for (const row of rows) {
      const named = columns.map(({ name }, at) => [name, row.texts[at] ?? null] as const);
      const one = { hash: row.hash, hashes: row.hashes, texts: Object.fromEntries(named) };
      found.set(row.key, [...(found.get(row.key) ?? []), one]);
    }
    return found;
  }

  get #bucket(): string {
    return `(${this.#keyHash}) & ${BUCKETS - 1}`;
  }
}

function differingKeys(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] {
  return [...new Set([...left.keys(), ...right.keys()])].filter((key) => left.get(key) !== right.get(key));
}

function describe(
  source: readonly FoundRow[],
  target: readonly FoundRow[],
  key: readonly string[],
): DifferingRow {
  const [one] = source.length > 0 ? source : target;
  const keyValues =
    key.length > 0 && one
      ? Object.fromEntries(key.map((name) => [name, one.texts[name] ?? null]))
      : undefined;
  const [left, right] = [source[0], target[0]];
  if (source.length !== 1 || target.length !== 1 || !left || !right) {
    return {
      key: keyValues,
      source: source.map(({ texts }) => texts),
      target: target.map(({ texts }) => texts),
    };
  }
  const names = Object.keys(left.texts).filter((_, at) => left.hashes[at] !== right.hashes[at]);
  const only = ({ texts }: FoundRow) => Object.fromEntries(names.map((name) => [name, texts[name] ?? null]));
  return { key: keyValues, source: [only(left)], target: [only(right)] };
}

const READ_KEYS = `
SELECT DISTINCT ON (i.indrelid) i.indrelid::int8 AS relation,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]) ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY ($1::oid[]) AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid`;

/** The columns of the relations' primary keys, or of the shortest of their unique indexes, by OID. */
export async function readKeys(
  session: Session,
  relations: readonly number[],
): Promise<Map<number, string[]>> {
  const rows = await session.query<{ relation: string; columns: string[] }>(READ_KEYS, [relations]);
  return new Map(rows.map(({ relation, columns }) => [Number(relation), columns]));
}
