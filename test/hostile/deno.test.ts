import { hostileSuite } from "./suite.ts";

hostileSuite("deno");
