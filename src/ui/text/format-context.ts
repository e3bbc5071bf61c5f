/** What a formatter needs to know about its output. */
export type FormatContext = {
  color: boolean;
  /** Width of the terminal; absent when the output is piped, and then nothing is truncated. */
  columns?: number | undefined;
  verbose?: boolean | undefined;
};

/** What the formatters and the progress display write to: a stream, or a test's stand-in. */
export type OutputStream = {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on?(event: 'error', listener: (error: Error) => void): unknown;
};
