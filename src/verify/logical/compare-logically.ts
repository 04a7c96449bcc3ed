export async function compareLogically(_: unknown): Promise<never> {
  throw new Error('later');
}
