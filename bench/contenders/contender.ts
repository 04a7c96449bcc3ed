import type { Course } from '../course.js';
import type { Usage } from '../measure.js';

export interface Contender {
  readonly name: string;
  /** Somebody else's way, which may fail at a database: that is a result, and does not end the benchmark. */
  readonly isPeer: boolean;
  /** What is not timed. @returns what is: it moves the database; the target is empty. */
  prepare(course: Course): Promise<() => Promise<Usage | undefined>>;
}
