import { DefaultRenderer, Listr, ListrLogger, ProcessOutput, Spinner } from 'listr2';

import { truncate } from '../text/display-width.js';
import type { Style } from '../text/style.js';
import type { Screen } from './screen.js';

/** One phase as it is drawn; read again for every frame. All text is plain and clean. */
export type Phase = {
  title(columns: number): string;
  /** The line below the title while the phase is running. */
  detail(): string | undefined;
  /** Settles when the phase is over, with `false` if it failed. */
  finished: Promise<boolean>;
};

/** Fixed interval between frames, in ms. */
const FRAME_MS = 100;

/** Draws a phase until it is over and leaves its title on the screen. Never rejects. */
export async function drawPhase(phase: Phase, screen: Screen, style: Style): Promise<void> {
  const title = () => phase.title(screen.columns - 3);
  const list = new Listr<unknown, typeof DefaultRenderer>(
    {
      title: 'phase',
      async task() {
        if (!(await phase.finished)) throw new Error('failed');
      },
    },
    {
      renderer: phaseRenderer(phase, title, screen, style),
      rendererOptions: {
        spinner: new QuietSpinner(),
        logger: new ListrLogger({ useIcons: true, processOutput: new FrameOutput(screen) }),
        color: {
          PENDING: (icon = '') => style.cyan(icon),
          COMPLETED: (icon = '') => style.green(icon),
          FAILED: (icon = '') => style.red(icon),
        },
      },
      // The library's handler exits at once; ours lets running tenants finish.
      registerSignalListeners: false,
    },
  );
  await list.run({}).catch(() => undefined);
}

/** The default renderer with the phase's line and the detail below, truncated to our stream's width instead of stdout's. */
function phaseRenderer(phase: Phase, title: () => string, screen: Screen, style: Style): typeof DefaultRenderer {
  let over = false;
  const end = () => {
    over = true;
  };
  phase.finished.then(end, end);
  return class extends DefaultRenderer {
    static override nonTTY = true;

    override create(options?: Parameters<DefaultRenderer['create']>[0]): string {
      const detail = over ? undefined : phase.detail();
      const lines = [super.create(options)];
      if (detail) lines.push(`  ${style.dim(truncate(detail, screen.columns - 3))}`);
      return lines.join('\n');
    }

    protected override format(_message: string, icon: string): string[] {
      return [`${icon} ${truncate(title(), screen.columns - 3)}`];
    }
  };
}

/** The library's spinner would keep the process alive if a run ended without `stop`. */
class QuietSpinner extends Spinner {
  #timer: NodeJS.Timeout | undefined;

  override start(draw?: () => void): void {
    this.#timer = setInterval(() => {
      this.spin();
      draw?.();
    }, FRAME_MS);
    this.#timer.unref();
  }

  override stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Sends frames to our stream. The library's own class replaces `process.stdout.write` and `process.stderr.write` by a buffer
 * while it draws; this one leaves all other output alone.
 */
class FrameOutput extends ProcessOutput {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    super();
    this.#screen = screen;
  }

  override get stdout(): NodeJS.WriteStream {
    return this.#screen as unknown as NodeJS.WriteStream;
  }

  override hijack(): void {
    this.#screen.write('\u001B[?25l');
    this.#screen.drawing = true;
  }

  override release(): void {
    this.#screen.drawing = false;
    this.#screen.write('\u001B[?25h');
  }

  override toStdout(text: string, eol = true): boolean {
    return this.#screen.write(eol ? `${text}\n` : text);
  }
}
