import { HyperferryError } from '../postgres/error.js';

/** Runs `work`, and shows its error before it goes on to the exit code. */
export async function showingFailure<T>(
  renderer: { failed(error: HyperferryError): void },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HyperferryError) renderer.failed(error);
    throw error;
  }
}
