import { hostileSuite } from "./suite.ts";

hostileSuite("workers");
