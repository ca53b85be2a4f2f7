import { CoterieError, type ErrorCode } from "../src/core/errors.ts";

/** The coded error that `run` throws or rejects with; fails the test if it does neither, or another. */
export async function codedError(run: () => unknown, code: ErrorCode): Promise<CoterieError> {
  let result: unknown;
  try {
    result = await run();
  } catch (error) {
    if (error instanceof CoterieError && error.code === code) return error;
    throw error;
  }
  throw new Error(`expected ${code}, got ${JSON.stringify(result)}`);
}
