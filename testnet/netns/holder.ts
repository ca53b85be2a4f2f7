/**
 * Network namespaces for a testnet (Linux): one for every node, with a veth pair to a bridge in one of their own. They
 * belong to a user namespace, so that whoever may make one needs no root. All of them live as long as one process, the
 * holder, or a daemon in them: nothing is left of them on the system, and ending the holder removes what is there. Until
 * it has read `release` on its stdin it ends with us.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { CoterieError } from "../../src/core/errors.ts";
import { identify, stopProcess, type ProcessIdentity } from "../process-identity.ts";
import { toolEnvironment, type Env } from "./tools.ts";

/** All nodes are neighbours in this network. */
const network = "10.77.0";

export function addressOf(index: number): string {
  return `${network}.${index + 1}`;
}

/** What `nodes` listen on in their namespaces. */
export function namespaceAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/ip4/${addressOf(index)}/tcp/0`);
}

/** Seen by the holder alone, which has a /run of its own. */
export function namespacePath(index: number): string {
  return `/run/netns/node-${index}`;
}

const script = `
set -e
mount -t tmpfs none /run
mkdir /run/netns
ip link add bridge type bridge
ip link set bridge up
index=0
while [ $index -lt $1 ]; do
  ip netns add node-$index
  ip link add port-$index type veth peer name eth0 netns node-$index
  ip link set port-$index master bridge up
  ip -n node-$index link set lo up
  ip -n node-$index address add ${network}.$((index + 1))/24 dev eth0
  ip -n node-$index link set eth0 up
  index=$((index + 1))
done
echo ready
read -r word || exit 1
[ "$word" = release ] || exit 1
exec sleep infinity
`;

const readyMs = 15_000;
const readyMsPerNode = 500;

export type Holder = {
  readonly process: ProcessIdentity;
  /** Lets the namespaces live without us. */
  release(): Promise<void>;
  stop(): Promise<boolean>;
};

/** Throws `REFUSED` with the reason where the system allows no namespaces, or has not the tools for them. */
export async function holdNamespaces(count: number, env: Env): Promise<Holder> {
  if (process.platform !== "linux") throw refused("only Linux has them");
  const words = ["-rnm", "--propagation", "private", "sh", "-c", script, "sh", String(count)];
  const child = spawn("unshare", words, {
    detached: true, // Ctrl-C is for the command alone
    env: toolEnvironment(env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined); // it has ended: its stdout says so
  const said = text(child.stderr).catch(() => ""); // it is cut off when we let it go
  const unborn = once(child, "error").then(([error]: unknown[]) => {
    throw refused((error as Error).message);
  });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  const timer = setTimeout(() => child.kill("SIGKILL"), readyMs + readyMsPerNode * count);
  try {
    const ready = await Promise.race([firstLine(child), unborn]);
    if (ready !== "ready" || identity === undefined) throw refused(reasonIn(await said));
  } finally {
    clearTimeout(timer);
  }
  return {
    process: identity,
    release: () => release(child),
    stop: () => stopProcess(identity),
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string | undefined> {
  if (stdout !== null) for await (const line of createInterface({ input: stdout })) return line;
  return undefined;
}

function reasonIn(said: string): string {
  return said.trimEnd().split("\n").at(-1) || "it took too long";
}

function refused(reason: string): CoterieError {
  return new CoterieError("REFUSED", `this system gives us no network namespaces: ${reason}`, {
    hint: "without --net netns the nodes share the loopback interface, and need no permission",
  });
}

async function release(child: ChildProcess): Promise<void> {
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  await new Promise<void>((resolve) => child.stdin?.end("release\n", () => resolve()));
}
