import { createEntry } from "./entry.ts";

export { createPorts, listen } from "./ports/node.ts";

/** Both doors on Node, for a server of one's own; `roundabout serve` brings one. */
export default createEntry("started");
