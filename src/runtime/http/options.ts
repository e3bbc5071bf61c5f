/** What decides which tenant a request is for, in every adapter. */
export type RoutingOptions = {
  /**
   * `host` (default): the hostname, looked up in the domain table. `subfolder`: the part of the path after `prefix`, a schema
   * name; every other path is the public tenant's. `header`: a header that holds a schema name.
   */
  from?: 'host' | 'subfolder' | 'header';
  /** Where the tenants' paths begin, with `from: 'subfolder'`; default `/clients`. */
  prefix?: string;
  /** The header's name, with `from: 'header'`; default `x-tenant`. Only for clients that you trust to name themselves. */
  header?: string;
  /**
   * Believe `X-Forwarded-Host` (its first value) before `Host`. Only behind a proxy that sets it itself: everybody else could
   * choose their tenant. Default `false`.
   */
  trustForwardedHost?: boolean;
  /** Answer 503 to requests for a tenant with pending migrations; needs `migrations`. Default `false`. */
  requireReady?: boolean;
};

/** With the choice of what becomes of a request for nobody; a handler is one of the adapter's framework. */
export type AdapterOptions<Handler> = RoutingOptions & {
  /** `404` (default), the public tenant where there is one, or a handler of the application's. */
  notFound?: '404' | 'public' | Handler;
};

/** Seconds after which a client may try again, in the answer 503. */
export const RETRY_AFTER = 5;
