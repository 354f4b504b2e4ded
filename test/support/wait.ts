/** The promise's value, or an error that says `what` never came. */
export async function within<T>(milliseconds: number, what: string | (() => string), promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new Error(`not within ${milliseconds} ms: ${typeof what === "string" ? what : what()}`));
    timer = setTimeout(fail, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks until `question` gives something else than `undefined`: for states that are only told to who asks. */
export async function eventually<T>(
  milliseconds: number,
  what: string,
  question: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
