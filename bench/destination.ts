import { rm } from 'node:fs/promises';
import { type Content, readContent } from './content.js';
import type { Course } from './course.js';
import { readContentToDump, readDumpContent } from './dump-content.js';
import { recreate } from './recreate.js';

/** What the contenders bring the database to, as the benchmark itself sees it. */
export interface Destination {
  /** Makes it empty for the next one. */
  clear(): Promise<void>;
  /** What of the source must be there in the end. */
  readExpected(): Promise<Content>;
  read(): Promise<Content>;
}

export function databaseDestination({ source, target }: Pick<Course, 'source' | 'target'>): Destination {
  return {
    clear: () => recreate(target),
    readExpected: () => readContent(source),
    read: () => readContent(target),
  };
}

export function dumpDestination(course: Pick<Course, 'source' | 'dump' | 'programs'>): Destination {
  return {
    clear: () => rm(course.dump, { recursive: true, force: true }),
    readExpected: () => readContentToDump(course),
    read: () => readDumpContent(course),
  };
}
