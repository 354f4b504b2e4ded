import { createHttp1Client, http1Transport } from "../../src/transports/http1/http1.ts";
import { plainResponse } from "../../src/transports/http1/plain-response.ts";
import { transportContract } from "../contracts/transport.ts";

transportContract("http1Transport", () => http1Transport(createHttp1Client(), plainResponse), {
  invents: [],
  gaps: {},
});
