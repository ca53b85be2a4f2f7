/** An HTTP server that says its name; tells its parent where it listens. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [name = ""] = process.argv.slice(2);
const server = createServer((_request, response) => response.end(name));
server.listen(0, "127.0.0.1", () => {
  process.send?.(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("disconnect", () => process.exit());
