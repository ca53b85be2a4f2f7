/** How one of several providers is chosen. */
export const policies = ["round-robin", "least-connections", "latency", "hash"] as const;
export type Policy = (typeof policies)[number];
