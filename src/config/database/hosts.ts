/** One server of a list; what it leaves out comes from the environment. */
export type HostAddress = { host: string | undefined; port: number | undefined };

/** Reads `host`, `host:5432`, `[::1]:5432` or `%2Frun%2Fpostgresql` as it stands in a URL. Throws an `Error`, without the text. */
export function parseHost(text: string): HostAddress {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? [];
  if (bracketed === undefined && plain === '' && text !== '' && !text.startsWith(':')) {
    throw new Error('it has a host that cannot be read; several hosts are written host1:5432,host2:5432');
  }
  const host = bracketed ?? decodeURIComponent(plain);
  return { host: host === '' ? undefined : host, port: port ? portNumber(port) : undefined };
}

/**
 * Pairs libpq's lists of hosts and of ports (`h1,h2` and `5432,5433`): one port holds for all hosts. Throws an `Error` when the
 * numbers do not match.
 */
export function pairHosts(hosts: string, ports: string | undefined): HostAddress[] {
  const names = hosts.split(',').map((host) => host.trim());
  const numbers = ports === undefined || ports === '' ? [] : ports.split(',').map((port) => port.trim());
  if (numbers.length > 1 && numbers.length !== names.length) {
    throw new Error(`there are ${names.length} hosts and ${numbers.length} ports: give one port, or one for each host`);
  }
  return names.map((host, index) => {
    const port = numbers.length === 1 ? numbers[0] : numbers[index];
    return { host: host === '' ? undefined : host, port: port ? portNumber(port) : undefined };
  });
}

/** A port from a URL or from `PGPORT`. */
export function portNumber(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) throw new Error('the port must be a number from 1 to 65535');
  return port;
}
