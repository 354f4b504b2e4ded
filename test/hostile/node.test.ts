import { hostileSuite } from "./suite.ts";

hostileSuite("node");
