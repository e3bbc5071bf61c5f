import type { IncomingMessage, ServerResponse } from 'node:http';

import { keepContext } from './http/keep-context.js';
import { incomingOf } from './http/node-request.js';
import { type AdapterOptions, RETRY_AFTER } from './http/options.js';
import { routeRequest } from './http/route.js';
import type { Tenancy, Tenant } from './types.js';

declare global {
  namespace PgTenants {
    /** The application's own columns of the tenant table, for `req.tenant`: declare it again with them. */
    // oxlint-disable-next-line typescript/no-empty-interface
    interface Columns {}
  }
  namespace Express {
    interface Request {
      /** Set by `tenantMiddleware`. */
      tenant: Tenant & Readonly<PgTenants.Columns>;
    }
  }
}

export type TenantRequest = IncomingMessage & { tenant?: Tenant };
type Next = (error?: unknown) => void;
/** A handler of Express, Connect, or any server that speaks their language. */
// oxlint-disable-next-line typescript/no-explicit-any
export type ConnectHandler = (request: any, response: any, next: Next) => unknown;
export type MiddlewareOptions = AdapterOptions<ConnectHandler>;

/**
 * Puts the tenant on the request (`req.tenant`) and makes `currentTenant()` answer in all handlers after it.
 *
 * A request for nobody is answered with 404, or as `notFound` says; without `next` being called. With `from: 'subfolder'` the
 * handlers after it see the URL without the tenant's folder. When the registry cannot be read, `next` gets the error.
 */
export function tenantMiddleware(
  tenancy: Tenancy,
  options: MiddlewareOptions = {},
): (request: TenantRequest, response: ServerResponse, next: Next) => void {
  return (request, response, next) => {
    routeRequest(tenancy, incomingOf(request), options).then(
      (routed) => {
        if (routed.kind !== 'tenant') {
          tenancy.runAs(null, () => answer(routed.kind, request, response, next, options));
          return;
        }
        const { tenant, url } = routed;
        request.tenant = tenant;
        request.url = url;
        keepContext([request, response], (fn) => tenancy.runAs(tenant, fn), next);
      },
      (error: unknown) => tenancy.runAs(null, () => next(error)),
    );
  };
}

/**
 * Different handlers for the main website and for tenants, such as two routers. Goes after `tenantMiddleware`; what has no
 * handler goes on to `next`.
 */
export function tenantRouter(
  tenancy: Tenancy,
  handlers: { public?: ConnectHandler; tenant?: ConnectHandler },
): ConnectHandler {
  return (request: TenantRequest, response: ServerResponse, next) => {
    const { tenant } = request;
    const kind = tenant === undefined ? undefined : tenancy.isPublic(tenant) ? 'public' : 'tenant';
    const handler = kind === undefined ? undefined : handlers[kind];
    return handler === undefined ? next() : handler(request, response, next);
  };
}

function answer(
  kind: 'notFound' | 'notReady',
  request: TenantRequest,
  response: ServerResponse,
  next: Next,
  { notFound }: MiddlewareOptions,
): void {
  if (kind === 'notFound' && typeof notFound === 'function') {
    try {
      // A handler may be asynchronous, and Connect would not hear of its failure.
      Promise.resolve(notFound(request, response, next)).catch(next);
    } catch (error) {
      next(error);
    }
    return;
  }
  response.statusCode = kind === 'notFound' ? 404 : 503;
  if (kind === 'notReady') response.setHeader('Retry-After', String(RETRY_AFTER));
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(kind === 'notFound' ? 'Not Found\n' : 'Service Unavailable\n');
}
