import { shortAnswer } from "../../backends/nginx.ts";

/** What a server answers that asks nobody. */
export const body = new Uint8Array(shortAnswer).fill(65);
