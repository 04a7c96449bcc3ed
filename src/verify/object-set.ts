import type { ObjectDifference } from './verification.js';

/** An object as plain values: its kind, its name and its lines. */
export type RecordedObject = readonly [kind: string, object: string, lines: readonly string[]];

/** Objects of one side: lines of text by kind and name. */
export class ObjectSet {
  /** @param objects kinds, names and lines */
  constructor(objects: Iterable<RecordedObject> = []) {
    for (const [kind, object, lines] of objects) this.add(kind, object, lines);
  }

  readonly #texts = new Map<string, { kind: string; object: string; lines: string[] }>();

  /** An object that is named twice has the lines of both. */
  add(kind: string, object: string, lines: readonly string[]): void {
    const key = `${kind}\0${object}`;
    const known = this.#texts.get(key);
    if (known) known.lines.push(...lines);
    else this.#texts.set(key, { kind, object, lines: [...lines] });
  }

  *[Symbol.iterator](): Generator<RecordedObject> {
    for (const { kind, object, lines } of this.#texts.values()) yield [kind, object, lines];
  }

  get size(): number {
    return this.#texts.size;
  }

  /** What the two sides say of each object, and differs. */
  differencesTo(target: ObjectSet, area: ObjectDifference['area']): ObjectDifference[] {
    const differences: ObjectDifference[] = [];
    for (const [key, { kind, object, lines }] of this.#texts) {
      const there = target.#texts.get(key);
      if (!there) {
        differences.push({ area, kind, object, state: 'missing on target', source: lines, target: [] });
        continue;
      }
      const source = without(lines, there.lines);
      const other = without(there.lines, lines);
      if (source.length === 0 && other.length === 0) {
        // Lines are compared as a set, since most are properties; of a program their order matters.
        const first = lines.findIndex((line, at) => line !== there.lines[at]);
        if (first === -1) continue;
        const [source, target] = [lines.slice(first), there.lines.slice(first)];
        differences.push({ area, kind, object, state: 'different', source, target });
      } else {
        differences.push({ area, kind, object, state: 'different', source, target: other });
      }
    }
    for (const [key, { kind, object, lines }] of target.#texts) {
      if (!this.#texts.has(key)) {
        differences.push({ area, kind, object, state: 'missing on source', source: [], target: lines });
      }
    }
    return differences;
  }
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
