import type { ComparedColumn } from './columns.js';
import type { ObjectDifference } from './verification.js';

/**
 * Columns that one side lacks: rows are compared by those that both have, and where definitions are not compared nobody
 * else would say so.
 */
export function columnDifferences(
  name: string,
  source: readonly ComparedColumn[],
  target: readonly ComparedColumn[],
): ObjectDifference[] {
  const lacking = (columns: readonly ComparedColumn[], others: readonly ComparedColumn[]): string[] => {
    const there = new Set(others.map((column) => column.name));
    return columns.map((column) => column.name).filter((column) => !there.has(column));
  };
  const [here, there] = [lacking(source, target), lacking(target, source)];
  if (here.length === 0 && there.length === 0) return [];
  return [
    {
      area: 'definition',
      kind: 'columns of table',
      object: name,
      state: 'different',
      source: here,
      target: there,
    },
  ];
}
