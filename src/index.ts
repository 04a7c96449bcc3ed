export type { Finding } from './check/finding.js';
export { type Emit, type Event, STAGES, type StageName } from './engine/events.js';
export { check } from './migrate/check.js';
export { migrate } from './migrate/migrate.js';
export type { MigrateOptions } from './migrate/options.js';
export type { Outcome } from './migrate/outcome.js';
export type { LeftOut } from './plan/left-out.js';
export { type ErrorCode, HyperferryError } from './postgres/error.js';
