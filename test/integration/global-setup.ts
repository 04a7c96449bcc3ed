import type { TestProject } from 'vitest/node';
import { listServers, stopServer } from '../../sandbox/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The beginning of the names of this run's servers. */
    integrationRun: string;
  }
}

/** The servers are started by the first test that asks for them (servers.ts), and stopped here, after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await stopServers((name) => isAbandoned(name));
  const run = `integration-${process.pid}`;
  project.provide('integrationRun', run);
  return () => stopServers((name) => name.startsWith(`${run}-`));
}

async function stopServers(isMeant: (name: string) => boolean): Promise<void> {
  const servers = await listServers();
  await Promise.all(servers.filter(({ name }) => isMeant(name)).map(({ name }) => stopServer(name)));
}

/** A run that was killed leaves its servers behind. */
function isAbandoned(name: string): boolean {
  const pid = /^integration-(\d+)-/.exec(name)?.[1];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
}
