import { describeStore } from "./host/store-contract.ts";
import { memoryStore } from "./memory-store.ts";

describeStore("in memory", { open: memoryStore, reopen: undefined });
