import type { Edition, PostgresMajor } from '../programs/postgres-major.js';
import type { Progress } from '../progress.js';

export interface StartOptions {
  /** Lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  /** A free port by default. */
  readonly port?: number;
  /** PostgreSQL settings beside, or in place of, the sandbox's own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** 17 by default; for the community edition, whatever version its folder has. */
  readonly postgres?: PostgresMajor;
  /** `apache` by default. */
  readonly edition?: Edition;
  /** `$HYPERFERRY_SANDBOX_DATA` by default, else a folder in the system's folder for temporary files. */
  readonly dataRoot?: string;
  readonly progress?: Progress;
}

/** A throwaway server that runs until it is stopped, also when the process that started it ends. */
export interface Server {
  readonly name: string;
  /** `postgres://postgres@127.0.0.1:<port>/postgres`: a superuser, without a password. */
  readonly url: string;
  readonly port: number;
  /** The folder of the client programs (`psql`, `pg_dump`, …) that match the server. */
  readonly binFolder: string;
  readonly dataFolder: string;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
  /** @param mode `immediate` ends it as a crash would; `fast`, the default, in good order */
  restart(mode?: RestartMode): Promise<void>;
}

export type RestartMode = 'fast' | 'immediate';
