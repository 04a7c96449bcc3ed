export type SandboxErrorCode =
  | 'COMMUNITY_MISSING'
  | 'COMMUNITY_UNUSABLE'
  | 'DOWNLOAD_FAILED'
  | 'FOLDER_UNUSABLE'
  | 'INVALID_NAME'
  | 'INVALID_SETTING'
  | 'LOCK_HELD'
  | 'NAME_IN_USE'
  | 'NO_PROGRAMS'
  | 'PROGRAM_FAILED'
  | 'SERVER_FAILED';

/** The one error that the sandbox throws. `code` is stable; `hint` says what to do next. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly code: SandboxErrorCode;
  readonly hint: string | undefined;

  constructor(code: SandboxErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
