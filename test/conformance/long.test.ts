import { longCases } from "./cases/long.ts";
import { everywhere } from "./everywhere.ts";

everywhere(longCases, { together: false });
