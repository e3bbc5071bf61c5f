import { closeSync, openSync, writeSync } from 'node:fs';

import { TenantsError } from '../../errors/tenants-error.js';
import type { FleetEvent } from '../../fleet/types.js';
import { redactDeep } from '../../util/redact.js';
import { printMessage, writeResult } from '../output.js';

/** The version of the lines; it changes when a reader would have to. */
export const EVENTS_VERSION = 1;

/** What a line tells. */
export type StreamEvent =
  | { type: 'run:start'; version: typeof EVENTS_VERSION; command: string; commandLine: string }
  | { type: 'run:end'; exitCode: number; report: object }
  | FleetEvent;

/** One line of the stream. `seq` counts from 1, `at` is a time in ISO 8601. */
export type EventLine = StreamEvent & { seq: number; at: string };

/** The events of a run as lines of JSON (NDJSON), each written as it happens. */
export type EventStream = { write(event: StreamEvent): void; close(): void };

/**
 * Opens a stream of events. A file is emptied first, and only its owner may read it: messages of the database contain values.
 *
 * @param target a path, or `-` for standard output
 * @throws TenantsError USAGE when the file cannot be written
 */
export function openEventStream(target: string): EventStream {
  const sink = target === '-' ? standardOutput : fileSink(target);
  let seq = 0;
  return {
    write: (event) => {
      seq += 1;
      const line: EventLine = { seq, at: new Date().toISOString(), ...event };
      sink.write(`${JSON.stringify(redactDeep(line))}\n`);
    },
    close: () => sink.close(),
  };
}

type Sink = { write(line: string): void; close(): void };

const standardOutput: Sink = { write: (line) => writeResult(line), close: () => {} };

/** Writes at once: what a killed run has announced is in the file. A full disk costs the stream, not the run. */
function fileSink(path: string): Sink {
  let descriptor: number | undefined = openOrRefuse(path);
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    write: (line) => {
      if (descriptor === undefined) return;
      try {
        const bytes = Buffer.from(line);
        for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
      } catch (error) {
        close();
        printMessage(`Warning: --events ends here: ${(error as Error).message}.`);
      }
    },
    close,
  };
}

function openOrRefuse(path: string): number {
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    throw new TenantsError('USAGE', `--events: ${path} cannot be written: ${(error as Error).message}.`);
  }
}
