import { conformance } from "./suite.ts";

conformance("workers");
