/** Told, in one line of English each, about steps that take long enough to wonder about. */
export type Progress = (message: string) => void;
