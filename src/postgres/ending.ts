/**
 * An end that comes once, beside what happens again and again. `Promise.race` with a promise of the end would keep what each
 * wait has made until then: 312 bytes, for each piece of a file.
 */
export class Ending {
  #wake: () => void = () => {};

  constructor(end: Promise<unknown>) {
    const wake = (): void => this.#wake();
    end.then(wake, wake);
  }

  /** Resolves when `resume` is called, or at the end, however that is. One waits at a time. */
  async orWhen(arm: (resume: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      arm(resolve);
    });
  }
}
