import type { Edition } from '../programs/postgres-major.js';
import { SandboxError } from '../sandbox-error.js';

/** Nothing here needs to outlive a power failure, and several servers share one machine's memory. */
const DEFAULTS: Readonly<Record<string, string>> = {
  shared_preload_libraries: 'timescaledb',
  'timescaledb.telemetry_level': 'off',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'replica',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  max_connections: '100',
  // TimescaleDB takes a worker for each database and each running job; the default of 8 starves the second database.
  max_worker_processes: '32',
};

/** Chosen by the sandbox, by other means than `settings`. */
const RESERVED = ['port', 'listen_addresses', 'unix_socket_directories', 'data_directory'];

/** The lines that go to the end of a server's postgresql.conf; of a setting given twice, the last counts. */
export function configurationLines(
  port: number,
  edition: Edition,
  settings: Readonly<Record<string, string>>,
): string {
  const all = {
    ...DEFAULTS,
    // An installed TimescaleDB may hold both editions; this one makes it refuse what the other one licenses.
    ...(edition === 'apache' ? { 'timescaledb.license': 'apache' } : {}),
    ...settings,
    listen_addresses: '127.0.0.1',
    port: `${port}`,
    unix_socket_directories: '',
  };
  return Object.entries(all)
    .map(([key, value]) => `${key} = ${quoted(value)}\n`)
    .join('');
}

/** @throws SandboxError `INVALID_SETTING` for a name or value that no configuration file can hold, or one not free. */
export function checkSettings(settings: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(settings)) {
    if (!/^[a-z_][\w$]*(\.[a-z_][\w$]*)?$/i.test(key)) {
      throw new SandboxError('INVALID_SETTING', `Expected the name of a PostgreSQL setting, got "${key}"`);
    }
    if (/[\n\r\0]/.test(value)) {
      throw new SandboxError(
        'INVALID_SETTING',
        `Expected the value of ${key} on one line, got ${JSON.stringify(value)}`,
      );
    }
    if (RESERVED.includes(key.toLowerCase())) {
      throw new SandboxError('INVALID_SETTING', `Expected settings without ${key}: the sandbox chooses it`, {
        hint: key === 'port' ? 'Give the port by its own option.' : `Leave ${key} out.`,
      });
    }
  }
}

/** In configuration files a backslash escapes, as in C (guc-file.l, DeescapeQuotedString). */
function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
