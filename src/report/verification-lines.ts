import type {
  DifferingRow,
  ObjectDifference,
  RangeDifference,
  RelationDifference,
  Verification,
} from '../verify/verification.js';
import { countOf, formatCount, formatSeconds } from './units.js';

const DIFFERENCES_SHOWN = 50;
const LINES_SHOWN = 6;
const COLUMNS_SHOWN = 6;

/** What a comparison found, for people: the differences first, the sum last. */
export function verificationLines(verification: Verification): string[] {
  const { relations, objects, logical, explained, notCompared } = verification;
  return [
    ...section('Rows that differ', relations.different, relationLines),
    ...section('Rows that differ', logical?.different ?? [], rangeLines),
    ...section('Definitions and settings that differ', objects.different, objectLines),
    ...section('Left out, and so no difference', explained, ({ difference, reason }) => [
      `  ${difference.kind} ${difference.object}: ${reason}`,
    ]),
    ...section('Not compared', notCompared, ({ object, reason }) => [`  ${object}: ${reason}`]),
    '',
    ...sumLines(verification),
  ];
}

function sumLines({
  source,
  target,
  mode,
  equal,
  relations,
  rows,
  logical,
  objects,
  seconds,
}: Verification): string[] {
  const what = [
    logical
      ? `${countOf(logical.compared, 'table')} in ${countOf(logical.ranges, 'range')} through SQL`
      : countOf(relations.compared, 'relation'),
    rows.source === rows.target
      ? countOf(rows.source, 'row')
      : `${countOf(rows.source, 'row')} on the source and ${formatCount(rows.target)} on the target`,
    mode === 'counts' ? 'counted only' : 'every column',
    ...(objects.compared > 0
      ? [countOf(objects.compared, 'definition and setting', 'definitions and settings')]
      : []),
  ].join(', ');
  return [
    equal ? 'Equal' : 'Different',
    `   source ${source}`,
    `   target ${target}`,
    `   ${what} in ${formatSeconds(seconds)}`,
  ];
}

function section<T>(title: string, items: readonly T[], describe: (item: T) => string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length - DIFFERENCES_SHOWN;
  return [
    '',
    `${title} (${formatCount(items.length)}):`,
    ...items.slice(0, DIFFERENCES_SHOWN).flatMap(describe),
    ...(more > 0 ? [`  and ${formatCount(more)} more, which --json names`] : []),
  ];
}

function relationLines(difference: RelationDifference): string[] {
  switch (difference.state) {
    case 'missing on target':
      return [`  ${difference.relation}: missing on the target (${countOf(difference.sourceRows, 'row')})`];
    case 'missing on source':
      return [`  ${difference.relation}: missing on the source (${countOf(difference.targetRows, 'row')})`];
    case 'different':
      return [
        `  ${difference.relation}: ${totalsText(difference)}`,
        ...difference.examples.flatMap(rowLines),
      ];
  }
}

function rangeLines(difference: RangeDifference): string[] {
  const { relation, missing, from, to } = difference;
  if (missing)
    return [`  ${relation}: missing ${missing === 'on source' ? 'on the source' : 'on the target'}`];
  const range =
    from === undefined && to === undefined
      ? ''
      : ` from ${from ?? 'the first'} to before ${to ?? 'the last'}`;
  return [`  ${relation}${range}: ${totalsText(difference)}`, ...difference.examples.flatMap(rowLines)];
}

function totalsText({ source, target }: Pick<RangeDifference, 'source' | 'target'>): string {
  return source.rows === target.rows
    ? `${countOf(source.rows, 'row')} on both sides, with other values`
    : `${countOf(source.rows, 'row')} on the source, ${formatCount(target.rows)} on the target`;
}

function rowLines({ key, source, target }: DifferingRow): string[] {
  const name = key ? `    ${valuesText(key)}` : '    row';
  if (target.length === 0) return [`${name}: only on the source${key ? '' : `: ${valuesText(source[0])}`}`];
  if (source.length === 0) return [`${name}: only on the target${key ? '' : `: ${valuesText(target[0])}`}`];
  if (source.length !== 1 || target.length !== 1) {
    return [
      `${name}${key ? '' : ` ${valuesText(source[0])}`}: ${source.length} times on the source, ${target.length} times on the target`,
    ];
  }
  return [`${name}:`, `      source ${valuesText(source[0])}`, `      target ${valuesText(target[0])}`];
}

function valuesText(values: Readonly<Record<string, string | null>> | undefined): string {
  const entries = Object.entries(values ?? {});
  const shown = entries
    .slice(0, COLUMNS_SHOWN)
    .map(([name, value]) => `${name} = ${value === null ? 'NULL' : JSON.stringify(value)}`);
  return [...shown, ...(entries.length > COLUMNS_SHOWN ? ['…'] : [])].join(', ');
}

function objectLines({ kind, object, state, source, target }: ObjectDifference): string[] {
  const sides = (side: string, lines: readonly string[]): string[] => [
    ...lines.slice(0, LINES_SHOWN).map((line) => `      ${side} ${line}`),
    ...(lines.length > LINES_SHOWN ? [`      ${side} …`] : []),
  ];
  if (state === 'missing on target')
    return [
      `  ${kind} ${object}: missing on the target`,
      ...(isShort(source) ? sides('source', source) : []),
    ];
  if (state === 'missing on source')
    return [
      `  ${kind} ${object}: missing on the source`,
      ...(isShort(target) ? sides('target', target) : []),
    ];
  return [`  ${kind} ${object}:`, ...sides('source', source), ...sides('target', target)];
}

/** What a grant or an index says fits on a line; a function is named well enough. */
function isShort(lines: readonly string[]): boolean {
  return lines.length <= LINES_SHOWN;
}
