/** One run of one contender. */
export type Round =
  | {
      readonly state: 'done';
      readonly seconds: number;
      /** Of the contender's own processes, where they could be looked at. */
      readonly cpuSeconds?: number;
      readonly peakBytes?: number;
      /** Of both servers, with what they did for themselves in this time. */
      readonly serverCpuSeconds: number;
    }
  | { readonly state: 'failed'; readonly error: string };

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

type Done = Extract<Round, { state: 'done' }>;

/** A Markdown table of medians, and of ratios to the first contender. */
export function tableOf({ database, description, size, contenders }: Measured): string {
  const first = medianSeconds(contenders[0]?.rounds ?? []);
  return [
    `${database}: ${description}; ${(size.bytes / 1e6).toFixed(0)} MB of tables`,
    '',
    '| | median s | rounds | ratio | 1,000 rows/s | MB/s | own CPU s | peak MB | servers CPU s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...contenders.map(({ name, rounds }) => `| ${cellsOf(name, rounds, size, first).join(' | ')} |`),
  ].join('\n');
}

function cellsOf(name: string, rounds: readonly Round[], size: Size, first: number): string[] {
  const failure = rounds.find((round) => round.state === 'failed');
  if (failure) return [name, `failed: ${failure.error.replaceAll('|', '\\|')}`, ...Array(7).fill('')];
  const done = rounds.filter((round) => round.state === 'done');
  const seconds = medianSeconds(done);
  const cpu = median(done.flatMap(({ cpuSeconds }) => cpuSeconds ?? []));
  const servers = median(done.map(({ serverCpuSeconds }) => serverCpuSeconds));
  const peak = Math.max(...done.flatMap(({ peakBytes }) => peakBytes ?? []));
  return [
    name,
    seconds.toFixed(1),
    done.map((round) => round.seconds.toFixed(1)).join(', '),
    (seconds / first).toFixed(2),
    Math.round(size.rows / seconds / 1000).toLocaleString('en-US'),
    (size.bytes / seconds / 1e6).toFixed(0),
    Number.isNaN(cpu) ? '' : cpu.toFixed(1),
    Number.isFinite(peak) ? (peak / 1e6).toFixed(0) : '',
    Number.isNaN(servers) ? '' : servers.toFixed(1),
  ];
}

function medianSeconds(rounds: readonly Round[]): number {
  return median(
    rounds.filter((round): round is Done => round.state === 'done').map(({ seconds }) => seconds),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
