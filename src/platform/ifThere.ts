/** Steps on files that may not be there. */

/**
 * The result of a step, or undefined when what it looks for is not there.
 * @param codes of the system's errors that say so
 */
export async function ifThere<Result>(
  step: () => Promise<Result>,
  codes: readonly string[] = ["ENOENT", "ENOTDIR"],
): Promise<Result | undefined> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof Error && "code" in error && codes.includes(String(error.code))) return undefined;
    throw error;
  }
}
