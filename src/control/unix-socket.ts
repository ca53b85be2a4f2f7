/** A listening unix socket that only its owner can open, and the removal of what a dead daemon left in its place. */
import { once } from "node:events";
import { lstatSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { CoterieError } from "../core/errors.ts";

/** `sun_path` holds 104 bytes with its final zero on macOS and the BSDs, 108 on Linux. */
const pathBytesMax = 103;

/** Throws `ALREADY_RUNNING` when somebody answers at `path`, `BAD_DATA_DIR` when the socket cannot be made. */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new CoterieError("BAD_DATA_DIR", `the path of the control socket is too long: ${path}`, {
      hint: `choose a data directory whose path is at most ${pathBytesMax - 20} bytes long`,
    });
  }
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw unusable(path, error);
    await removeStale(path);
    await listen(server, path).catch((again: unknown) => {
      throw unusable(path, again);
    });
  }
}

/** `listen` binds before it returns, so the mask covers the socket's making and nothing else. */
async function listen(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    server.listen({ path });
  } finally {
    process.umask(mask);
  }
  await once(server, "listening");
}

async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket()) {
    throw new CoterieError("BAD_DATA_DIR", `${path} is in the way and is no socket`, {
      hint: "move that file away",
    });
  }
  if (await answers(path)) {
    throw new CoterieError("ALREADY_RUNNING", `another daemon answers at ${path}`);
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else reject(unusable(path, error));
    });
  });
}

function unusable(path: string, cause: unknown): CoterieError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CoterieError("BAD_DATA_DIR", `cannot listen at ${path}: ${reason}`, { cause });
}
