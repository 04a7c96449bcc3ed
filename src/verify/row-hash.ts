import { createHash } from 'node:crypto';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { isCompressedData, readableCompressedCondition } from '../timescale/timescale.js';
import type { ComparedColumn } from './columns.js';

/**
 * The hash of a row, 64 bits, as an SQL expression. What was measured (6 million rows of 11 numeric columns, seconds of
 * one core for one side, PostgreSQL 17; reading and counting alone takes 0.5):
 *
 * | expression | seconds | |
 * | --- | --- | --- |
 * | xor of each type's own hash function | 2.6 | -0 equals 0, 1.0 equals 1.00, and `int8` is folded to 32 bits |
 * | `hash_record_extended(ROW(…))` | 3.2 | the same |
 * | each type's hash function, seeded by the last column's, with what they miss added | 4.7 | a rule for each type |
 * | **send functions, concatenated in a tree, as hex, `hashtextextended`** | 5.5 | |
 * | the same, concatenated from left to right | 5.5 | quadratic in the number of columns |
 * | the same as base64 | 6.3 | |
 * | `hashtextextended(concat_ws(…))` | 7 | 'a', 'b c' equals 'a b', 'c' |
 * | `hashtextextended` of each column's text, xor | 7.2 | |
 * | `record_send(ROW(…))` as hex, `hashtextextended` | 8.5 | |
 * | `hashtextextended(ROW(…)::text)` | 11.5 | |
 * | `md5` or `sha256` of `record_send` | 15 | |
 *
 * `hashtextextended` cannot change between major versions: hash partitions that `pg_upgrade` carries over rely on it.
 * A binary form is used only of built-in types for which it is the value itself; all else goes by its text.
 */
export function rowHash(columns: readonly ComparedColumn[], encodings: EncodingMatch): string {
  if (columns.length === 0) return '0::int8';
  // Every piece has a fixed width, so no two rows give the same bytes in another division.
  return hashOfBytes(concatenation(columns.map((column) => piece(column, encodings))));
}

/** Whether both databases store texts in one encoding; else they are compared in the client's, UTF-8. */
export type EncodingMatch = 'same encoding' | 'other encoding';

/** The hash of one column's value; NULL for NULL. */
export function valueHash(column: ComparedColumn, encodings: EncodingMatch): string {
  const value = reference(column);
  if (FIXED_WIDTH.has(builtInName(column))) return hashOfBytes(fixedBytes(column));
  switch (builtInName(column)) {
    case 'text':
    case 'varchar':
      return hashOfText(`${value}::pg_catalog.text`, encodings);
    case 'bytea':
      return `CASE WHEN pg_catalog.octet_length(${value}) <= ${LARGE_BYTES} THEN ${hashOfBytes(value)} ELSE ${hashOfBytes(`pg_catalog.sha256(${value})`)} END`;
    case 'numeric':
      return hashOfBytes(`pg_catalog.numeric_send(${value})`);
  }
  const { send } = column.type;
  return isCompressedData(column.type) && send
    ? hashOfBytes(`${quoteQualified(send)}(${value})`)
    : hashOfText(valueText(column), encodings);
}

/** A value's text by its type's output function: a cast to text may be one that the user made. NULL for NULL. */
export function valueText(column: ComparedColumn): string {
  const { output, cast } = column.type;
  const value = cast ? `(${reference(column)})::${quoteQualified(cast)}` : reference(column);
  return `pg_catalog.textin(${quoteQualified(output)}(${value}))`;
}

/** The beginning of a value's text. Of a large `bytea` not even PostgreSQL can make the whole text. */
export function valueBeginning(column: ComparedColumn, characters: number): string {
  if (builtInName(column) !== 'bytea') return `pg_catalog.left(${valueText(column)}, ${characters})`;
  const bytes = `pg_catalog.substring(${reference(column)}, 1, ${Math.ceil(characters / 2)})`;
  return `pg_catalog.textin(pg_catalog.byteaout(${bytes}))`;
}

/**
 * Types whose send function gives all of the value in always as many bytes. Not the geometric ones: what is said of
 * NaN below holds for each of their numbers.
 */
const FIXED_WIDTH = new Set([
  ...['bool', 'char', 'int2', 'int4', 'int8', 'float4', 'float8', 'money', 'oid', 'pg_lsn', 'uuid'],
  ...['date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'macaddr', 'macaddr8'],
]);

/** Hex takes twice the bytes, and a value at most 1 GB; and no worker should need that much memory. */
const LARGE_BYTES = 16 * 1024 ** 2;

const C = 'COLLATE pg_catalog."C"';

/** The column's value in a fixed number of bytes, or the column's own 16 bytes for NULL. */
function piece(column: ComparedColumn, encodings: EncodingMatch): string {
  const bytes = FIXED_WIDTH.has(builtInName(column))
    ? fixedBytes(column)
    : `pg_catalog.int8send(${valueHash(column, encodings)})`;
  const marker = createHash('md5').update(column.name).digest('hex');
  return `COALESCE(${bytes}, '\\x${marker}'::pg_catalog.bytea)`;
}

/** NaN has many bit patterns, which all print alike: what went through text has another than what did not. */
function fixedBytes(column: ComparedColumn): string {
  const name = builtInName(column);
  const value = reference(column);
  if (name !== 'float4' && name !== 'float8') return `${quoteQualified(sendOf(column))}(${value})`;
  const nan = `'NaN'::pg_catalog.${name}`;
  return `${quoteQualified(sendOf(column))}(CASE WHEN ${value} OPERATOR(pg_catalog.=) ${nan} THEN ${nan} ELSE ${value} END)`;
}

function sendOf({ name, type }: ComparedColumn): { schema: string; name: string } {
  if (type.send) return type.send;
  throw new Error(`the built-in type of column ${name} has no send function`);
}

function builtInName({ type }: ComparedColumn): string {
  return type.schema === 'pg_catalog' ? type.name : '';
}

/** The column, less the value that means NULL and that some versions of TimescaleDB store. */
function reference(column: ComparedColumn): string {
  const name = `hf_row.${quoteIdentifier(column.name)}`;
  return isCompressedData(column.type)
    ? `CASE WHEN ${readableCompressedCondition(name)} THEN ${name} END`
    : name;
}

/** Each level copies all bytes once: cheaper for many columns than one after the other. */
function concatenation(pieces: readonly string[]): string {
  if (pieces.length === 1) return pieces[0] ?? '';
  const middle = Math.ceil(pieces.length / 2);
  return `(${concatenation(pieces.slice(0, middle))} OPERATOR(pg_catalog.||) ${concatenation(pieces.slice(middle))})`;
}

function hashOfBytes(bytes: string): string {
  return `pg_catalog.hashtextextended(pg_catalog.encode(${bytes}, 'hex') ${C}, 0)`;
}

function hashOfText(text: string, encodings: EncodingMatch): string {
  return encodings === 'same encoding'
    ? `pg_catalog.hashtextextended(${text} ${C}, 0)`
    : hashOfBytes(`pg_catalog.textsend(${text})`);
}
