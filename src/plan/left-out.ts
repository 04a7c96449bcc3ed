/** Something of the source that the target does not get, and why. */
export interface LeftOut {
  readonly object: string;
  readonly reason: string;
  /** What an administrator may run on the target later. */
  readonly sql?: string | undefined;
}
