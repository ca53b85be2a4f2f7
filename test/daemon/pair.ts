/** Daemons that know one another. */
import { join } from "node:path";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";

/** The words that let a daemon into the network of another. */
export async function joining(host: DaemonProcess): Promise<string[]> {
  const { ticket } = await host.client.invite();
  return ["--join", ticket];
}

/** Waits until two daemons are connected and each hears the other's gossip. */
export async function connected(one: DaemonProcess, other: DaemonProcess): Promise<void> {
  const sees = async (from: DaemonProcess, to: DaemonProcess): Promise<boolean> => {
    const [{ peers }, { gossip }] = await Promise.all([from.client.peers(), from.client.status()]);
    const hears = gossip.topics.every(({ subscribers }) => subscribers > 0);
    return hears && peers.some(({ peerId }) => peerId === to.info.peerId);
  };
  await until(
    "the two are connected",
    async () => (await sees(one, other)) && (await sees(other, one)),
  );
}

export type Pair = { readonly one: DaemonProcess; readonly other: DaemonProcess };

/** Two connected daemons in folders of their own; the caller kills both. */
export async function launchPair(folder: string): Promise<Pair> {
  const one = await launchDaemon({ dataDir: join(folder, "one"), words: ["--name", "one"] });
  const words = ["--name", "other", ...(await joining(one))];
  const other = await launchDaemon({ dataDir: join(folder, "other"), words });
  await connected(one, other);
  return { one, other };
}
