/** How a formatter may write. */
export type FormatContext = {
  color: boolean;
  /** Width of the terminal; left out when the output is piped, and then nothing is shortened to a width. */
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
