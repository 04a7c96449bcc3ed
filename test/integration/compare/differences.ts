/** One way in which the two databases differ: what, and the first lines of each side that the other lacks. */
export interface Difference {
  readonly object: string;
  readonly onlyOnSource: readonly string[];
  readonly onlyOnTarget: readonly string[];
}

const SHOWN = 10;
const WIDTH = 500;

/** Compares two sets of lines, in which the order says nothing and the number of equal lines does. */
export function compareSets(
  object: string,
  source: readonly string[],
  target: readonly string[],
): Difference[] {
  const onlyOnSource = without(source, target);
  const onlyOnTarget = without(target, source);
  return differenceOf(object, onlyOnSource, onlyOnTarget);
}

/** Compares two texts line by line, and gives what lies between their common beginning and their common end. */
export function compareTexts(
  object: string,
  source: readonly string[],
  target: readonly string[],
): Difference[] {
  const shorter = Math.min(source.length, target.length);
  let start = 0;
  while (start < shorter && source[start] === target[start]) start++;
  let end = 0;
  while (end < shorter - start && source.at(-1 - end) === target.at(-1 - end)) end++;
  const between = (lines: readonly string[]) => lines.slice(start, lines.length - end);
  return differenceOf(`${object}, line ${start + 1}`, between(source), between(target));
}

function differenceOf(
  object: string,
  onlyOnSource: readonly string[],
  onlyOnTarget: readonly string[],
): Difference[] {
  if (onlyOnSource.length === 0 && onlyOnTarget.length === 0) return [];
  const shown = (lines: readonly string[]) => lines.slice(0, SHOWN).map((line) => line.slice(0, WIDTH));
  return [{ object, onlyOnSource: shown(onlyOnSource), onlyOnTarget: shown(onlyOnTarget) }];
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
