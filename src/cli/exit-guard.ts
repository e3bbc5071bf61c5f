const exit = process.exit.bind(process);

/** Ends the process at once, whatever `process.exit` means at the moment. */
export function exitNow(code: number): never {
  return exit(code);
}

/**
 * While the code of a project may run (configuration, migrations, hooks, executors), `process.exit` throws: a run that ends in the middle
 * with exit code 0 would look like one that has done everything. Returns what puts it back.
 */
export function forbidExit(): () => void {
  process.exit = ((code?: number | string | null) => {
    throw new Error(
      `process.exit(${code ?? ''}) was called, which would have ended the command in the middle. Throw an error instead.`,
    );
  }) as typeof process.exit;
  return () => {
    process.exit = exit;
  };
}
