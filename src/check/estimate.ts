import type { Session } from '../postgres/session.js';
import type { Check } from './finding.js';

const PROBE_BYTES = 2 * 1024 ** 2;
const ROUND_TRIPS = 5;

/** What one worker was seen to copy at most between servers on one machine; the estimate's upper bound. */
const BYTES_A_SECOND_A_JOB = 60_000_000;

/** Latency and throughput of both connections, and an estimate of the run from them. */
export const estimate: Check = async ({ source, target, options }) => {
  const [down, up] = [await measureDownload(source.session), await measureUpload(target.session)];
  const bytes = source.inventory.relations.reduce((sum, relation) => sum + relation.bytes, 0);
  const speed = Math.min(down.bytesPerSecond, up.bytesPerSecond, BYTES_A_SECOND_A_JOB * options.jobs);
  const rate = (value: number): string => `${(value / 1e6).toFixed(0)} MB/s`;
  return [
    {
      id: 'estimate',
      severity: 'note',
      found:
        `about ${Math.ceil(bytes / speed)} s for ${(bytes / 1e6).toFixed(0)} MB of rows at ${rate(speed)}, and as much again for indexes; ` +
        `measured: from the source ${rate(down.bytesPerSecond)}, ${down.latency.toFixed(1)} ms; to the target ${rate(up.bytesPerSecond)}, ${up.latency.toFixed(1)} ms`,
      objects: [],
      why: `The slower of both connections, or ${rate(BYTES_A_SECOND_A_JOB)} a job, sets the pace.`,
      mend: 'Run Hyperferry near the servers if the network is the limit; try more --jobs if latency is.',
    },
  ];
};

interface Measured {
  readonly bytesPerSecond: number;
  /** Milliseconds of a round trip, the median. */
  readonly latency: number;
}

async function measureDownload(session: Session): Promise<Measured> {
  const latency = await measureLatency(session);
  const seconds = await secondsOf(() =>
    session.query('SELECT pg_catalog.repeat($1, 1024) FROM pg_catalog.generate_series(1, $2::int)', [
      'x',
      PROBE_BYTES / 1024,
    ]),
  );
  return { latency, bytesPerSecond: throughput(seconds, latency) };
}

/** A parameter goes the way of COPY's rows, and leaves nothing behind on the target. */
async function measureUpload(session: Session): Promise<Measured> {
  const latency = await measureLatency(session);
  const seconds = await secondsOf(() =>
    session.query('SELECT pg_catalog.octet_length($1::text)', ['x'.repeat(PROBE_BYTES)]),
  );
  return { latency, bytesPerSecond: throughput(seconds, latency) };
}

async function measureLatency(session: Session): Promise<number> {
  const times: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++)
    times.push((await secondsOf(() => session.query(''))) * 1000);
  return times.sort((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] ?? 0;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

function throughput(seconds: number, latency: number): number {
  return PROBE_BYTES / Math.max(0.0001, seconds - latency / 1000);
}
