import { type AdapterOptions, RETRY_AFTER } from './http/options.js';
import { type Incoming, routeRequest } from './http/route.js';
import type { Tenancy, Tenant, TenantOf } from './types.js';

/** What answers a request of a tenant; further arguments of the server's (such as an environment) are passed on. */
export type TenantFetchHandler<T extends Tenant, Rest extends unknown[]> = (
  request: Request,
  tenant: T,
  ...rest: Rest
) => Promise<Response> | Response;

export type TenantFetchOptions<Rest extends unknown[]> = AdapterOptions<
  (request: Request, ...rest: Rest) => Promise<Response> | Response
>;

/**
 * Wraps a handler of web-standard requests, as Hono, Deno, Bun, Next.js and others take them.
 *
 * With two handlers, the public tenant has its own. With `from: 'subfolder'` the handler gets a request whose URL lacks the
 * tenant's folder. A registry that cannot be read rejects.
 */
export function tenantFetch<Columns extends object, Rest extends unknown[] = []>(
  tenancy: Tenancy<Columns>,
  handlers:
    | TenantFetchHandler<TenantOf<Columns>, Rest>
    | Record<'public' | 'tenant', TenantFetchHandler<TenantOf<Columns>, Rest>>,
  options: TenantFetchOptions<Rest> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const incoming = incomingOf(request);
    const routed = await routeRequest(tenancy, incoming, options);
    if (routed.kind !== 'tenant') return await tenancy.runAs(null, () => answer(routed.kind, request, rest, options));
    const tenant = routed.tenant as TenantOf<Columns>;
    const kind = tenancy.isPublic(tenant) ? 'public' : 'tenant';
    const handler = typeof handlers === 'function' ? handlers : handlers[kind];
    const seen = routed.url === incoming.url ? request : new Request(new URL(routed.url, request.url), request);
    return await tenancy.runAs(tenant, () => handler(seen, tenant, ...rest));
  };
}

function incomingOf(request: Request): Incoming {
  const url = new URL(request.url);
  return {
    host: request.headers.get('host') ?? url.host,
    url: `${url.pathname}${url.search}`,
    header: (name) => request.headers.get(name) ?? undefined,
  };
}

async function answer<Rest extends unknown[]>(
  kind: 'notFound' | 'notReady',
  request: Request,
  rest: Rest,
  { notFound }: TenantFetchOptions<Rest>,
): Promise<Response> {
  if (kind === 'notReady') {
    return new Response('Service Unavailable\n', { status: 503, headers: { 'Retry-After': String(RETRY_AFTER) } });
  }
  return typeof notFound === 'function'
    ? await notFound(request, ...rest)
    : new Response('Not Found\n', { status: 404, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
}
