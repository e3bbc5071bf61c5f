import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import type { ClientConfig } from 'pg';

import { frameReader, isCancelRequest, isEncryptionRequest, type Frame } from './frames.js';

export type Counts = {
  /** Sessions that were opened; cancel requests are not among them. */
  connections: number;
  cancelRequests: number;
  /** Messages from clients by type byte: `Q` simple query, `P` parse, `B` bind, `E` execute, `S` sync, `X` terminate. */
  messages: Record<string, number>;
  /** Statements that were sent: simple queries and executions. */
  statements: number;
  /**
   * How often a client spoke to a server that owed it no answer. What is sent while answers are outstanding (a pipeline)
   * belongs to the same round trip. The startup and the farewell are none.
   */
  roundTrips: number;
  /** Bytes of messages that clients sent and were sent. */
  bytes: { sent: number; received: number };
};

/**
 * Where to cut a connection: at the first message for which `when` is true.
 *
 * `deliver: false` (default): the message never reaches the server. `deliver: true`: the server gets it, with what it
 * needs to be executed, but the client never sees an answer, like a network that fails during a `COMMIT`.
 */
export type Cut = { when: (frame: Frame) => boolean; deliver?: boolean; times?: number };

/** Where to cut a connection that was chosen. */
export type CutPoint = 'now' | 'before' | 'after';

export type Proxy = {
  url: string;
  config: ClientConfig;
  counts(): Counts;
  reset(): void;
  /** Delays every message to the server from now on (ms). */
  setLatency(ms: number): void;
  /** Arms a cut; it applies `times` times (default 1). */
  cut(cut: Cut): void;
  /** Cuts every open connection now. */
  cutAll(): void;
  /**
   * Cuts one open connection, which `choose` picks by its number, from 0: `now`; `before` its next message reaches the
   * server; or `after` its next request has, but before it is answered. A connection that stays silent is cut soon anyway.
   * False when none is open.
   */
  cutOne(choose: (open: number) => number, when: CutPoint): boolean;
  /**
   * Swallows what connections send and are sent from now on, new ones included, and keeps them open: neither end notices.
   *
   * @param which only those whose `application_name` at the start fits, and whose number among all, from 1; default all
   */
  hold(which?: (application: string, number: number) => boolean): void;
  /** Delivers what was swallowed, and everything from now on. */
  release(): void;
  /** New connections lead to another server from now on. */
  retarget(config: ClientConfig): void;
  /** Cuts the connection on which the `count`-th message from now of this type arrives, before it reaches the server. */
  cutAfter(type: string, count: number): void;
  close(): Promise<void>;
};

/** Opens a TCP proxy in front of a server on 127.0.0.1 that counts what passes and can disturb it. TLS is declined. */
export async function openProxy(target: { url: string; config: ClientConfig }): Promise<Proxy> {
  let counts = zero();
  let latency = 0;
  let cuts: { when: Cut['when']; deliver: boolean; left: number }[] = [];
  let held: ((application: string, number: number) => boolean) | undefined;
  let opened = 0;
  let leadsTo = target.config;
  const sockets = new Set<Socket>();
  const open = new Set<Connection>();
  /** Also those whose client is gone, which the server does not know while they are swallowed. */
  const alive = new Set<Connection>();

  const findCut = (frame: Frame) => {
    const found = cuts.find((each) => each.when(frame));
    if (found !== undefined) {
      found.left -= 1;
      cuts = cuts.filter((each) => each.left > 0);
    }
    return found;
  };

  const server = createServer((client) => {
    const upstream = connect({ host: leadsTo.host ?? '127.0.0.1', port: leadsTo.port ?? 5432 });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    const number = (opened += 1);
    const connection = pass(client, upstream, {
      note: (frame, state) => note(frame, counts, state),
      noteAnswer: (frame) => void (counts.bytes.received += frame.bytes.length),
      findCut,
      latency: () => latency,
      isHeld: (application) => held?.(application, number) === true,
    });
    open.add(connection);
    alive.add(connection);
    upstream.on('close', () => alive.delete(connection));
    client.on('close', () => open.delete(connection));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = new URL(target.url);
  url.host = `127.0.0.1:${port}`;
  const cut = ({ when, deliver = false, times = 1 }: Cut): void => void cuts.push({ when, deliver, left: times });
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    config: { ...target.config, host: '127.0.0.1', port },
    counts: () => structuredClone(counts),
    reset: () => void (counts = zero()),
    setLatency: (ms) => void (latency = ms),
    cut,
    cutAll,
    cutOne: (choose, when) => {
      const chosen = [...open][choose(open.size)];
      chosen?.cut(when);
      return chosen !== undefined;
    },
    hold: (which = () => true) => void (held = which),
    release: () => {
      held = undefined;
      for (const connection of alive) connection.release();
    },
    retarget: (config) => void (leadsTo = config),
    cutAfter: (type, count) => {
      let seen = 0;
      cut({ when: (frame) => frame.type === type && ++seen === count });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cutAll();
      }),
  };
}

/** Runs `action` through a proxy and returns what it returned and what passed. */
export async function countActivity<T>(
  target: { url: string; config: ClientConfig },
  action: (proxy: Proxy) => Promise<T>,
): Promise<{ result: T; counts: Counts }> {
  const proxy = await openProxy(target);
  try {
    const result = await action(proxy);
    return { result, counts: proxy.counts() };
  } finally {
    await proxy.close();
  }
}

type ConnectionState = {
  /** The server has answered the startup. */
  started: boolean;
  /** Answers (`ReadyForQuery`) that the server owes. */
  outstanding: number;
  /** The client has begun a request that its `S` will end. */
  asking: boolean;
};

type Hooks = {
  note: (frame: Frame, state: ConnectionState) => void;
  noteAnswer: (frame: Frame) => void;
  findCut: (frame: Frame) => { deliver: boolean } | undefined;
  latency: () => number;
  isHeld: (application: string) => boolean;
};

/** One that passes. */
type Connection = {
  cut(when: CutPoint): void;
  /** Delivers what was swallowed. */
  release(): void;
};

/** How long a chosen connection may be silent before it is cut all the same, in ms. */
const SILENT_MS = 500;

/** Passes messages on in both directions until one side ends or a cut applies. */
function pass(client: Socket, upstream: Socket, hooks: Hooks): Connection {
  const state: ConnectionState = { started: false, outstanding: 0, asking: false };
  let isCut = false;
  let delivering = false;
  let chosen: CutPoint | undefined;
  let application = '';
  const swallowed: (() => void)[] = [];
  /** At once, or when it is released. */
  const deliver = (action: () => void): void => {
    if (swallowed.length > 0 || hooks.isHeld(application)) swallowed.push(action);
    else action();
  };
  const endUpstream = (): void => void setTimeout(() => upstream.end(), hooks.latency());
  const send = (bytes: Buffer): void => {
    if (hooks.latency() === 0) upstream.write(bytes);
    else setTimeout(() => upstream.writable && upstream.write(bytes), hooks.latency());
  };
  const cutHere = (): void => {
    isCut = true;
    client.destroy();
    endUpstream();
  };
  const forward = (frame: Frame): void => {
    if (frame.type === '' && isEncryptionRequest(frame.bytes)) return void client.write('N');
    hooks.note(frame, state);
    const cut = delivering ? undefined : chosen === undefined ? hooks.findCut(frame) : { deliver: chosen === 'after' };
    if (cut?.deliver === false) return cutHere();
    delivering ||= cut !== undefined;
    send(frame.bytes);
    if (delivering && endsRequest(frame)) cutHere();
  };
  const fromClient = frameReader(1);
  client.on('data', (chunk) => {
    for (const frame of fromClient.push(chunk)) {
      if (frame.type === '' && !isCancelRequest(frame.bytes)) application = applicationOf(frame.bytes);
      deliver(() => void (isCut || forward(frame)));
    }
  });
  const fromServer = frameReader(0);
  upstream.on('data', (chunk) => {
    for (const frame of fromServer.push(chunk)) {
      deliver(() => {
        hooks.noteAnswer(frame);
        if (frame.type === 'Z') {
          state.started = true;
          state.outstanding -= 1;
        }
        if (!isCut && !delivering) client.write(frame.bytes);
      });
    }
  });
  client.on('end', () => deliver(endUpstream));
  client.on('close', () => deliver(endUpstream));
  upstream.on('close', () => deliver(() => client.end()));
  return {
    release: () => {
      for (const action of swallowed.splice(0)) action();
    },
    cut: (when) => {
      chosen = when;
      if (when === 'now') cutHere();
      else setTimeout(cutHere, SILENT_MS).unref();
    },
  };
}

/** The parameter of a startup message. */
function applicationOf(startup: Buffer): string {
  const words = startup.subarray(8).toString('utf8').split('\0');
  return words[words.indexOf('application_name') + 1] ?? '';
}

function zero(): Counts {
  return {
    connections: 0,
    cancelRequests: 0,
    messages: {},
    statements: 0,
    roundTrips: 0,
    bytes: { sent: 0, received: 0 },
  };
}

function note(frame: Frame, counts: Counts, state: ConnectionState): void {
  counts.bytes.sent += frame.bytes.length;
  if (frame.type === '') {
    if (isCancelRequest(frame.bytes)) counts.cancelRequests += 1;
    else {
      counts.connections += 1;
      state.outstanding = 1;
    }
    return;
  }
  counts.messages[frame.type] = (counts.messages[frame.type] ?? 0) + 1;
  if (frame.type === 'Q' || frame.type === 'E') counts.statements += 1;
  const begins = state.started && state.outstanding === 0 && !state.asking && frame.type !== 'X';
  if (begins) counts.roundTrips += 1;
  if (endsRequest(frame)) state.outstanding += 1;
  state.asking = state.started && !endsRequest(frame);
}

/** The server owes one `ReadyForQuery` for each of these (and one for the startup). */
function endsRequest(frame: Frame): boolean {
  return frame.type === 'Q' || frame.type === 'S';
}
