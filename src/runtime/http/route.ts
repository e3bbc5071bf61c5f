import type { Tenancy, Tenant } from '../types.js';
import type { AdapterOptions } from './options.js';

/** What routing looks at in a request, whatever its framework. */
export type Incoming = {
  /** The `Host` header, or `:authority`. */
  host: string | undefined;
  /** Path with query, percent-encoded as it came. */
  url: string;
  header(name: string): string | undefined;
};

export type Routed =
  | { kind: 'tenant'; tenant: Tenant; /** What is left of the URL without the tenant's folder. */ url: string }
  | { kind: 'notReady'; tenant: Tenant }
  | { kind: 'notFound' };

/** Finds the tenant that a request is for. Fails as `resolve` does, when the database cannot be asked. */
export async function routeRequest(
  tenancy: Tenancy,
  incoming: Incoming,
  options: AdapterOptions<unknown>,
): Promise<Routed> {
  const named = await look(tenancy, incoming, options);
  const tenant = named.tenant ?? (options.notFound === 'public' ? await tenancy.publicTenant() : null);
  if (tenant === null) return { kind: 'notFound' };
  if (options.requireReady === true && !(await tenancy.isReady(tenant))) return { kind: 'notReady', tenant };
  return { kind: 'tenant', tenant, url: named.url };
}

type Named = { tenant: Tenant | null; url: string };

async function look(tenancy: Tenancy, incoming: Incoming, options: AdapterOptions<unknown>): Promise<Named> {
  const { url } = incoming;
  if (options.from === 'subfolder') return await lookInPath(tenancy, url, options.prefix ?? '/clients');
  if (options.from === 'header') {
    const name = incoming.header(options.header ?? 'x-tenant');
    return { tenant: name === undefined ? null : await tenancy.find(name), url };
  }
  const forwarded = options.trustForwardedHost === true ? incoming.header('x-forwarded-host') : undefined;
  const host = forwarded?.split(',', 1)[0]?.trim() ?? incoming.host;
  return { tenant: host === undefined ? null : await tenancy.resolve(host), url };
}

async function lookInPath(tenancy: Tenancy, url: string, prefix: string): Promise<Named> {
  const folder = prefix.replace(/\/+$/, '');
  const [path = '', query] = splitOnce(url, '?');
  if (path !== folder && !path.startsWith(`${folder}/`)) return { tenant: await tenancy.publicTenant(), url };
  const [segment = '', rest = ''] = splitOnce(path.slice(folder.length + 1), '/');
  const name = decode(segment);
  const tenant = name === undefined || name === '' ? null : await tenancy.find(name);
  return { tenant, url: tenant === null ? url : `/${rest}${query === undefined ? '' : `?${query}`}` };
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
