/**
 * Types of pg_catalog that an application may well have a type of its own for. PostgreSQL looks into pg_catalog first: without its
 * schema such a name means the server's.
 */
export const BUILTIN_TYPES: ReadonlySet<string> = new Set(
  (
    'aclitem bit bool boolean box bpchar bytea char cid cidr circle cstring date daterange datemultirange decimal float4 float8 ' +
    'inet int int2 int4 int8 int4range int8range integer interval json jsonb jsonpath line lseg macaddr macaddr8 money name ' +
    'numeric numrange oid path point polygon real record refcursor regclass regproc regrole regtype smallint text tid time ' +
    'timestamp timestamptz timetz trigger tsquery tsrange tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xml'
  ).split(' '),
);
