import type { IncomingMessage } from 'node:http';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { keepContext } from './http/keep-context.js';
import { incomingOf } from './http/node-request.js';
import { type AdapterOptions, RETRY_AFTER } from './http/options.js';
import { type Routed, routeRequest } from './http/route.js';
import type { Tenancy, Tenant } from './types.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `tenantPlugin`. */
    tenant: Tenant & Readonly<PgTenants.Columns>;
  }
}

declare global {
  namespace PgTenants {
    /** The application's own columns of the tenant table, for `request.tenant`: declare it again with them. */
    // oxlint-disable-next-line typescript/no-empty-interface
    interface Columns {}
  }
}

export type TenantPluginOptions = AdapterOptions<(request: FastifyRequest, reply: FastifyReply) => unknown> & {
  tenancy: Tenancy;
};

/**
 * `app.register(tenantPlugin, { tenancy })`: puts the tenant on each request (`request.tenant`) and makes `currentTenant()`
 * answer in all hooks and handlers after it, in the whole application.
 *
 * Routes with `constraints: { tenancy: 'public' }` are the main website's, with `'tenant'` everybody else's, so both can
 * have the same path; routes without are everybody's. Await the registration before declaring them. With
 * `from: 'subfolder'` routes are declared with the folder, such as `/clients/:tenant/projects`.
 */
export const tenantPlugin: (app: FastifyInstance, options: TenantPluginOptions) => Promise<void> = Object.assign(
  install,
  // What the package fastify-plugin does: hooks are for the application that registers it, not for a scope within.
  { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'pg-tenants' },
);

async function install(app: FastifyInstance, options: TenantPluginOptions): Promise<void> {
  const { tenancy } = options;
  const routed = new WeakMap<IncomingMessage, Promise<Routed>>();
  const route = (raw: IncomingMessage): Promise<Routed> => {
    const known = routed.get(raw);
    if (known !== undefined) return known;
    const found = routeRequest(tenancy, incomingOf(raw), options);
    routed.set(raw, found);
    return found;
  };
  app.decorateRequest('tenant');
  app.addConstraintStrategy(constraint(tenancy, route));
  app.addHook('onRequest', (request, reply, done) => {
    route(request.raw).then(
      (found) => {
        if (found.kind !== 'tenant') return void tenancy.runAs(null, () => answer(found.kind, request, reply, options));
        const { tenant } = found;
        request.tenant = tenant;
        keepContext([request.raw, reply.raw], (fn) => tenancy.runAs(tenant, fn), done);
      },
      (error: unknown) => tenancy.runAs(null, () => done(error as Error)),
    );
  });
}

function constraint(
  tenancy: Tenancy,
  route: (raw: IncomingMessage) => Promise<Routed>,
): Parameters<FastifyInstance['addConstraintStrategy']>[0] {
  const derive = (raw: IncomingMessage, _: unknown, done: (error: unknown, kind?: string) => void): void => {
    route(raw).then(
      (found) => done(null, found.kind === 'tenant' ? kindOf(tenancy, found.tenant) : 'nobody'),
      (error: unknown) => done(error),
    );
  };
  return {
    name: 'tenancy',
    storage: storeByKind,
    validate: (kind) => {
      if (kind !== 'public' && kind !== 'tenant') {
        throw new TypeError("The constraint tenancy is 'public' or 'tenant'.");
      }
    },
    // Fastify calls a function of three parameters with a callback; its types do not know that.
    deriveConstraint: derive as never,
  };
}

function kindOf(tenancy: Tenancy, tenant: Tenant): 'public' | 'tenant' {
  return tenancy.isPublic(tenant) ? 'public' : 'tenant';
}

function storeByKind<Handler>() {
  const handlers = new Map<unknown, Handler>();
  return {
    get: (kind: unknown) => handlers.get(kind) ?? null,
    set: (kind: unknown, handler: Handler) => void handlers.set(kind, handler),
    del: (kind: unknown) => void handlers.delete(kind),
    empty: () => handlers.clear(),
  };
}

async function answer(
  kind: 'notFound' | 'notReady',
  request: FastifyRequest,
  reply: FastifyReply,
  { notFound }: TenantPluginOptions,
): Promise<void> {
  try {
    if (kind === 'notReady') {
      reply
        .header('Retry-After', RETRY_AFTER)
        .code(503)
        .type('text/plain; charset=utf-8')
        .send('Service Unavailable\n');
    } else if (typeof notFound === 'function') {
      const payload = await notFound(request, reply);
      if (payload !== undefined && !reply.sent) reply.send(payload);
    } else {
      reply.code(404).type('text/plain; charset=utf-8').send('Not Found\n');
    }
  } catch (error) {
    reply.send(error);
  }
}
