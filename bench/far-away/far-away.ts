import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { measureProcess, type Usage } from '../measure.js';
import { withClient } from '../with-client.js';

/** A long way to the servers. */
export interface FarAway {
  /** The same database, reached by the long way. */
  url(near: string): string;
  /** @returns what the proxy itself has used: it takes from the same processor as those that are measured */
  end(): Promise<Usage>;
}

const PROXY = fileURLToPath(new URL('delaying-proxy.ts', import.meta.url));

/** @param latency milliseconds each way, so that a round trip takes two of them */
export async function startFarAway(servers: readonly string[], latency: number): Promise<FarAway> {
  const near = servers.map((server) => new URL(server).port);
  const proxy = execa(process.execPath, ['--import', 'tsx', PROXY, String(latency), ...near], {
    stdin: 'pipe',
    stderr: 'inherit',
  });
  const usage = measureProcess(
    proxy.pid ?? 0,
    proxy.catch(() => undefined),
  );
  const [line] = (await once(createInterface({ input: proxy.stdout }), 'line')) as [string];
  const far = JSON.parse(line) as number[];
  return {
    url: (url) => {
      const changed = new URL(url);
      changed.port = String(far[near.indexOf(changed.port)]);
      return changed.href;
    },
    end: async () => {
      proxy.stdin.end();
      return usage;
    },
  };
}

const ROUND_TRIPS = 10;

/** Milliseconds of a query that does nothing: what the way costs in truth. */
export async function roundTrip(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const begun = performance.now();
    for (let trip = 0; trip < ROUND_TRIPS; trip++) await client.query('SELECT');
    return (performance.now() - begun) / ROUND_TRIPS;
  });
}
