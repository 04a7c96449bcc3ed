/** One run of one contender. */
export interface Round {
  readonly seconds: number;
  /** Of the contender's own processes, where they could be looked at. */
  readonly cpuSeconds?: number;
  readonly peakBytes?: number;
}

export interface Size {
  readonly rows: number;
  /** Of tables with their out-of-line values, without indexes. */
  readonly bytes: number;
}

/** All runs of all contenders over one database. */
export interface Measured {
  readonly database: string;
  readonly description: string;
  readonly size: Size;
  readonly contenders: readonly { readonly name: string; readonly rounds: readonly Round[] }[];
}

/** A Markdown table of medians, and of ratios to the first contender. */
export function tableOf({ database, description, size, contenders }: Measured): string {
  const first = median(contenders[0]?.rounds.map(({ seconds }) => seconds) ?? []);
  const lines = contenders.map(({ name, rounds }) => {
    const seconds = median(rounds.map((round) => round.seconds));
    const cpu = median(rounds.flatMap(({ cpuSeconds }) => cpuSeconds ?? []));
    const peak = Math.max(...rounds.flatMap(({ peakBytes }) => peakBytes ?? []));
    const cells = [
      name,
      seconds.toFixed(1),
      rounds.map((round) => round.seconds.toFixed(1)).join(', '),
      (seconds / first).toFixed(2),
      Math.round(size.rows / seconds / 1000).toLocaleString('en-US'),
      (size.bytes / seconds / 1e6).toFixed(0),
      Number.isNaN(cpu) ? '' : cpu.toFixed(1),
      Number.isFinite(peak) ? (peak / 1e6).toFixed(0) : '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `${database}: ${description}; ${(size.bytes / 1e6).toFixed(0)} MB of tables`,
    '',
    '| | median s | rounds | ratio | 1,000 rows/s | MB/s | own CPU s | peak MB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
