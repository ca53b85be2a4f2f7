/** Where the nodes of a testnet are: on loopback addresses, or each in a network namespace of its own. */
export const netKinds = ["loopback", "netns"] as const;
export type NetKind = (typeof netKinds)[number];
