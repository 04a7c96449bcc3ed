import type { Column } from '../inventory/relations.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { readableCompressedValue } from '../timescale/timescale.js';

/** SQL for what is copied of a column of compressed rows: its value, or NULL where another server must not get that. */
export function storedValue(column: Column, storesNullAsUnreadableValue: boolean): string {
  const name = quoteIdentifier(column.name);
  if (column.foreignFilterOf) return `NULL AS ${name}`;
  return storesNullAsUnreadableValue && column.isCompressedData ? readableCompressedValue(column.name) : name;
}
