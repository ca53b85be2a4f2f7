/**
 * Loopback addresses of the nodes. On Linux all of 127.0.0.0/8 is there to bind, so that each node has an IP address
 * of its own as on a real network; elsewhere they share 127.0.0.1. Ports are the system's choice in both cases.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { CoterieError } from "../src/core/errors.ts";

/** Hosts in one /24. */
export const nodesMax = 254;

const shared = "127.0.0.1";

export async function canBind(host: string): Promise<boolean> {
  const server = createServer().listen({ host, port: 0 });
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRNOTAVAIL" || code === "EACCES" || code === "EINVAL") return false;
    throw error;
  } finally {
    server.close();
  }
}

/**
 * One multiaddr per node, in `base` (three numbers, `127.0.9`) or, without it, in a network drawn at random, since
 * other testnets may run on this machine. Throws `USAGE` for a base that is no loopback network, `NO_ADDRESS` for one
 * that cannot be bound.
 */
export async function listenAddresses(count: number, base?: string): Promise<string[]> {
  const network = base === undefined ? `127.0.${randomInt(1, 255)}` : checked(base);
  const hosts = Array.from({ length: count }, (_, index) => `${network}.${index + 1}`);
  const own = await canBind(hosts.at(-1) ?? shared);
  if (!own && base !== undefined) {
    throw new CoterieError("NO_ADDRESS", `this system has no addresses ${network}.x to listen on`, {
      hint: "without --base-address the nodes share 127.0.0.1 where they must",
    });
  }
  return hosts.map((host) => `/ip4/${own ? host : shared}/tcp/0`);
}

function checked(base: string): string {
  const numbers = base.split(".");
  const fits = numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) <= 255);
  if (fits && numbers.length === 3 && numbers[0] === "127") return numbers.map(Number).join(".");
  throw new CoterieError("USAGE", `--base-address wants a network such as 127.0.9, not "${base}"`);
}
