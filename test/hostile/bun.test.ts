import { hostileSuite } from "./suite.ts";

hostileSuite("bun");
