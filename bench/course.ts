/** Two databases, and what a contender may use to move one to the other. */
export interface Course {
  readonly source: string;
  readonly target: string;
  /** The client programs' folder. */
  readonly programs: string;
  /** For intermediate files. */
  readonly folder: string;
}
