/** One or more SQL commands that make one object on the target. */
export interface Statement {
  readonly sql: string;
  /** The object as messages name it: its kind and name. */
  readonly object: string;
  /** SQL that takes the object back, where there is some. */
  readonly undo?: string | undefined;
  /** What stands for the object in the ledger, where the SQL is another way to make it. */
  readonly definition?: string;
  /** Whether the ledger notes nothing of it, since a later statement stands for both. */
  readonly isUnmarked?: true;
  /** Whether the SQL holds a password: then it is shown nowhere. */
  readonly isSecret?: boolean;
}
