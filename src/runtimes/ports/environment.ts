import process from "node:process";

/** A variable of the process's environment. */
export const lookup = (name: string): string | undefined => process.env[name];
