import type { TenantSelection } from '../registry/select.js';
import type { Level } from './sql/statements.js';

export type { Level } from './sql/statements.js';

/** One object of a schema and what is said about it. The schema's own name is left out. */
export type Item = {
  kind: string;
  /** Its name, quoted where necessary: `invoices.due`. */
  object: string;
  /** The table it belongs to. */
  parent: string | null;
  parts: Parts;
};

export type Parts = Record<string, unknown>;

/** How one object differs from the reference. */
export type Difference = {
  kind: string;
  object: string;
  change: 'missing' | 'unexpected' | 'different';
  /** In words of SQL; `null` where there is nothing. */
  expected: string | null;
  actual: string | null;
  /** A statement, for review, that would take the difference away; `null` where none is known. */
  sql: string | null;
};

/** Tenants that should be equal and are: of one type, with the same applied migrations and the same fingerprint. */
export type DriftGroup = {
  fingerprint: string;
  type: string | null;
  /** The last applied migration. */
  last: string | null;
  count: number;
  /** Whether the others are compared with this group. */
  reference: boolean;
  tenants: string[];
  differences: Difference[];
};

export type DriftReport = {
  reference: { kind: 'majority' | 'files' | 'tenant'; tenant: string | null };
  tenants: { total: number; equal: number; different: number };
  groups: DriftGroup[];
  /** Tenants that could not be looked at, and why; they count as different. */
  unreadable: { tenant: string; reason: string }[];
};

export type DriftOptions = TenantSelection & {
  /** What the tenants are compared with. Default: the largest group among those that should be equal. */
  against?: { kind: 'files' } | { kind: 'tenant'; tenant: string };
  /** Default: `structure`. */
  level?: Level;
};
