import { silenceCases } from "./cases/silence.ts";
import { everywhere } from "./everywhere.ts";

everywhere(silenceCases, { together: true });
