import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificate } from "./peers/peer.ts";
import { runToEnd } from "./processes.ts";

/** A certificate for the loopback address that nobody vouches for, made by openssl; `undefined` where it is not installed. */
export async function makeCertificate(
  folder: string,
): Promise<Certificate | undefined> {
  const [cert, key, both] = ["cert.pem", "key.pem", "both.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const subject = [
    "-subj",
    "/CN=bench.test",
    "-addext",
    "subjectAltName=DNS:bench.test,IP:127.0.0.1",
  ];
  const key256 = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
  ];
  try {
    await runToEnd([
      "openssl",
      "req",
      "-x509",
      ...key256,
      ...subject,
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
    ]);
  } catch {
    return undefined;
  }
  writeFileSync(both, readFileSync(cert, "utf8") + readFileSync(key, "utf8"), {
    mode: 0o600,
  });
  return { cert, key, both };
}
