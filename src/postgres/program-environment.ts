/** What a program needs of this process's environment to run at all, and to find its files. */
const INHERITED = /^(PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|SystemRoot)$/;

/** The environment of this process without what names or opens a database, or sets how a program compresses. */
export function programEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      INHERITED.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}
