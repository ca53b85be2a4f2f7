/** Would run for an hour if timers of the clock counted. */
import { systemClock } from "../../src/host/clock.ts";

systemClock.after(3_600_000, () => process.exit(1));
