/** A database, where it is to go, and what a contender may use on the way. */
export interface Course {
  readonly source: string;
  readonly target: string;
  /** Where those who only dump put it. Nothing is there when they begin. */
  readonly dump: string;
  /** The client programs' folder. */
  readonly programs: string;
  /** For intermediate files, of this database alone. */
  readonly folder: string;
}
