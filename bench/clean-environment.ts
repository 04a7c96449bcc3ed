import { delimiter } from 'node:path';

/** For `execa`: the client programs first in PATH, and nothing in the environment that leads libpq elsewhere. */
export function cleanEnvironment(
  programs: string,
  more: Record<string, string> = {},
): { readonly env: Record<string, string | undefined>; readonly extendEnv: false } {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  const path = [programs, process.env.PATH].join(delimiter);
  return { env: { ...Object.fromEntries(kept), PATH: path, ...more }, extendEnv: false };
}
