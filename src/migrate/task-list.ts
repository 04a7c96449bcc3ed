import type { Task } from '../engine/queue.js';
import type { Plan } from '../plan/plan.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import type { Standing } from './standing.js';

/** The heaviest. An index is begun before further rows are: its table's rows are still in memory. */
export const BEFORE_ALL_ROWS = Number.MAX_VALUE;

/** The tasks of a plan, as they are made, each with the number that others wait for. */
export class TaskList {
  readonly plan: Plan;
  readonly standing: Standing;
  readonly tasks: Task[] = [];

  constructor(plan: Plan, standing: Standing) {
    this.plan = plan;
    this.standing = standing;
  }

  /** @returns the task's number */
  add(task: Pick<Task, 'stage' | 'weight' | 'work'> & Partial<Task>): number {
    const id = this.tasks.length + 1;
    this.tasks.push({ after: [], bytes: 0, ...task, id });
    return id;
  }

  /** Definitions, beside the rows. */
  addDefinitions(statements: () => Statement[], after: readonly number[]): number {
    return this.add({
      stage: 'rows and indexes',
      weight: BEFORE_ALL_ROWS,
      work: () => ({ kind: 'statements', locks: [], statements: statements() }),
      after,
    });
  }

  addConstraint(statement: Statement, locks: readonly string[]): void {
    const work = { kind: 'statements', locks, statements: [statement] } as const;
    this.add({ stage: 'constraints', weight: 0, work: () => work });
  }

  readonly statementOf = (entry: TocEntry): Statement => definitionOf(entry, this.plan.tablespaces);

  /** Whether what an entry defines is not in the target yet. */
  readonly isLacking = (entry: TocEntry): boolean =>
    this.standing.isEmpty || this.standing.lacks(this.statementOf(entry));
}
