/** Something that passes requests on: ours, or one of the field. */

/** What a proxy is to do in a scenario. */
export interface Plan {
  readonly port: number;
  /** Origins: http://127.0.0.1:9001. */
  readonly backends: readonly string[];
  /** All lead to the same backends; empty: everything does, without routes. */
  readonly routes: readonly Route[];
  /** Present: it serves https. */
  readonly tls: Certificate | undefined;
  /** It has to pass WebSockets on. */
  readonly webSocket: boolean;
  /** For its files; it is there, and gone with the bench. */
  readonly folder: string;
}

export interface Route {
  readonly host?: string;
  /** "/a/": everything below it. */
  readonly path?: string;
}

/** Names of files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Both in one file, as haproxy wants them. */
  readonly both: string;
}

export interface Start {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The process that is measured, by the name that `ps` shows, where the started one only runs it. */
  readonly process?: string;
}

export interface Peer {
  /** As it is written after --only. */
  readonly name: string;
  readonly title: string;
  readonly isOurs: boolean;
  /** It takes part in the scenarios that name it, and in no other. */
  readonly isOnlyWhereNamed?: boolean;
  /** Its version; where there is something to make before it can be started, this makes it.
   * @throws why it cannot run on this machine */
  version(): Promise<string>;
  /** Why it is not measured so; absent: it is. */
  lacks(plan: Plan): string | undefined;
  /** How it is started; writes the files it needs. Nothing to start: requests go straight to the first backend. */
  start(plan: Plan): Start | undefined;
}
