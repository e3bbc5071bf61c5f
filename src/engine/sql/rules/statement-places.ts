import type { Node, SelectStmt } from 'libpg-query';

import {
  changedName,
  changedObject,
  type ChangedObject,
  changedRelation,
  changedRelations,
  changedSchema,
} from '../names/changed-objects.js';

type KeyOf<Union> = Union extends unknown ? keyof Union : never;

/** The types of statements that PostgreSQL's grammar knows. */
export type StatementType = Extract<KeyOf<Node>, `${string}Stmt`>;

type StatementOf<Type extends StatementType> = Extract<Node, Record<Type, unknown>>[Type];

/**
 * Where a tenant migration may use a type of statement:
 * - `anywhere`: it changes no definition, for the reason given;
 * - `never`: what it changes is in no schema, in the words of a message;
 * - `changes`: what it changes must not be named with another schema than the tenant's.
 */
export type StatementPlace<Type extends StatementType = StatementType> =
  | { anywhere: string }
  | { never: string }
  | { changes: (statement: StatementOf<Type>) => ChangedObject[] };

const ROWS = { anywhere: 'Reading and writing rows is allowed everywhere.' };
const SESSION = { anywhere: 'Changes nothing but the session or the transaction.' };
const PART = { anywhere: 'Only ever stands in another statement.' };
const EXTENSION = { never: 'Extensions belong to the whole database.' };
const FOREIGN_DATA = { never: 'Foreign servers and their user mappings belong to the whole database.' };
const DATABASE = { never: 'Databases belong to the whole server.' };
const ROLE = { never: 'Roles belong to the whole server.' };
const OWNED = { never: 'It works through everything that a role owns in the database.' };
const TABLESPACE = { never: 'Tablespaces belong to the whole server.' };
const PUBLICATION = { never: 'Publications belong to the whole database.' };
const SUBSCRIPTION = { never: 'Subscriptions belong to the whole database.' };
const EVENT_TRIGGER = { never: 'Event triggers belong to the whole database.' };
const WHOLE_DATABASE: ChangedObject = {
  noSchema: 'Without the name of a table it works through the whole database, once for each tenant.',
};

/** The weakest lock mode that definitions are changed in, SHARE UPDATE EXCLUSIVE; the lock check looks for the same. */
const DEFINITION_LOCK = 4;

/** Every type of statement, so that the compiler and a test complain of one that nothing was decided about. */
export const STATEMENT_PLACES: Readonly<{ [Type in StatementType]: StatementPlace<Type> }> = {
  AlterCollationStmt: { changes: ({ collname }) => changedName(collname) },
  AlterDatabaseRefreshCollStmt: DATABASE,
  AlterDatabaseSetStmt: DATABASE,
  AlterDatabaseStmt: DATABASE,
  AlterDefaultPrivilegesStmt: {
    changes({ options }) {
      const schemas = (options ?? []).flatMap((option) => {
        if (!('DefElem' in option) || option.DefElem.defname !== 'schemas') return [];
        const list = option.DefElem.arg;
        return list !== undefined && 'List' in list ? (list.List.items ?? []) : [];
      });
      if (schemas.length > 0) return schemas.flatMap((schema) => changedObject('OBJECT_SCHEMA', schema));
      return [{ noSchema: 'Default privileges hold for the whole database unless they name a schema.' }];
    },
  },
  AlterDomainStmt: { changes: ({ typeName }) => changedName(typeName) },
  AlterEnumStmt: { changes: ({ typeName }) => changedName(typeName) },
  AlterEventTrigStmt: EVENT_TRIGGER,
  AlterExtensionContentsStmt: EXTENSION,
  AlterExtensionStmt: EXTENSION,
  AlterFdwStmt: FOREIGN_DATA,
  AlterForeignServerStmt: FOREIGN_DATA,
  AlterFunctionStmt: { changes: ({ func }) => changedName(func?.objname) },
  AlterObjectDependsStmt: {
    changes: ({ objectType, relation, object }) =>
      relation === undefined ? changedObject(objectType, object) : changedRelation(relation),
  },
  AlterObjectSchemaStmt: {
    changes: ({ objectType, relation, object, newschema }) => [
      ...(relation === undefined ? changedObject(objectType, object) : changedRelation(relation)),
      ...changedSchema(newschema),
    ],
  },
  AlterOpFamilyStmt: { changes: ({ opfamilyname }) => changedName(opfamilyname) },
  AlterOperatorStmt: { changes: ({ opername }) => changedName(opername?.objname) },
  AlterOwnerStmt: {
    changes: ({ objectType, relation, object }) =>
      relation === undefined ? changedObject(objectType, object) : changedRelation(relation),
  },
  AlterPolicyStmt: { changes: ({ table }) => changedRelation(table) },
  AlterPublicationStmt: PUBLICATION,
  AlterRoleSetStmt: ROLE,
  AlterRoleStmt: ROLE,
  AlterSeqStmt: { changes: ({ sequence }) => changedRelation(sequence) },
  AlterStatsStmt: { changes: ({ defnames }) => changedName(defnames) },
  AlterSubscriptionStmt: SUBSCRIPTION,
  AlterSystemStmt: { never: 'The configuration of the server belongs to the whole server.' },
  AlterTSConfigurationStmt: { changes: ({ cfgname }) => changedName(cfgname) },
  AlterTSDictionaryStmt: { changes: ({ dictname }) => changedName(dictname) },
  AlterTableMoveAllStmt: { never: 'It moves the tables of the whole database.' },
  AlterTableSpaceOptionsStmt: TABLESPACE,
  AlterTableStmt: {
    changes: ({ relation, cmds }) => [
      ...changedRelation(relation),
      // ATTACH and DETACH PARTITION change the partition too.
      ...(cmds ?? []).flatMap((command) => {
        const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
        return def !== undefined && 'PartitionCmd' in def ? changedRelation(def.PartitionCmd.name) : [];
      }),
    ],
  },
  AlterTypeStmt: { changes: ({ typeName }) => changedName(typeName) },
  AlterUserMappingStmt: FOREIGN_DATA,
  CallStmt: { anywhere: 'What a procedure does is seen by its locks before the transaction is committed.' },
  CheckPointStmt: { anywhere: 'Writes to disk what has been changed already.' },
  ClosePortalStmt: SESSION,
  ClusterStmt: {
    changes: ({ relation }) => (relation === undefined ? [WHOLE_DATABASE] : changedRelation(relation)),
  },
  CommentStmt: { changes: ({ objtype, object }) => changedObject(objtype, object) },
  CompositeTypeStmt: { changes: ({ typevar }) => changedRelation(typevar) },
  ConstraintsSetStmt: SESSION,
  CopyStmt: ROWS,
  CreateAmStmt: { never: 'Access methods belong to the whole database.' },
  CreateCastStmt: { never: 'Casts belong to the whole database.' },
  CreateConversionStmt: { changes: ({ conversion_name }) => changedName(conversion_name) },
  CreateDomainStmt: { changes: ({ domainname }) => changedName(domainname) },
  CreateEnumStmt: { changes: ({ typeName }) => changedName(typeName) },
  CreateEventTrigStmt: EVENT_TRIGGER,
  CreateExtensionStmt: { anywhere: 'Has a rule of its own: it is refused unless the extension exists already.' },
  CreateFdwStmt: FOREIGN_DATA,
  CreateForeignServerStmt: FOREIGN_DATA,
  CreateForeignTableStmt: {
    changes: ({ base }) => [
      ...changedRelation(base?.relation),
      ...(base?.partbound === undefined ? [] : changedRelations(base.inhRelations)),
    ],
  },
  CreateFunctionStmt: { changes: ({ funcname }) => changedName(funcname) },
  CreateOpClassStmt: {
    changes: ({ opclassname, opfamilyname }) => [...changedName(opclassname), ...changedName(opfamilyname)],
  },
  CreateOpFamilyStmt: { changes: ({ opfamilyname }) => changedName(opfamilyname) },
  CreatePLangStmt: { never: 'Languages belong to the whole database.' },
  CreatePolicyStmt: { changes: ({ table }) => changedRelation(table) },
  CreatePublicationStmt: PUBLICATION,
  CreateRangeStmt: { changes: ({ typeName }) => changedName(typeName) },
  CreateRoleStmt: ROLE,
  CreateSchemaStmt: { never: 'A migration of a tenant stays in its schema and creates no other.' },
  CreateSeqStmt: { changes: ({ sequence }) => changedRelation(sequence) },
  CreateStatsStmt: {
    changes: ({ defnames, relations }) => [...changedName(defnames), ...changedRelations(relations)],
  },
  CreateStmt: {
    // A partition changes its parent; plain inheritance, LIKE and foreign keys only refer to another table.
    changes: ({ relation, partbound, inhRelations }) => [
      ...changedRelation(relation),
      ...(partbound === undefined ? [] : changedRelations(inhRelations)),
    ],
  },
  CreateSubscriptionStmt: SUBSCRIPTION,
  CreateTableAsStmt: { changes: ({ into }) => changedRelation(into?.rel) },
  CreateTableSpaceStmt: TABLESPACE,
  CreateTransformStmt: { never: 'Transforms belong to the whole database.' },
  CreateTrigStmt: { changes: ({ relation }) => changedRelation(relation) },
  CreateUserMappingStmt: FOREIGN_DATA,
  CreatedbStmt: DATABASE,
  DeallocateStmt: SESSION,
  DeclareCursorStmt: ROWS,
  DefineStmt: { changes: ({ defnames }) => changedName(defnames) },
  DeleteStmt: ROWS,
  DiscardStmt: SESSION,
  DoStmt: { anywhere: 'The statements in its body are looked at one by one, and its locks before the commit.' },
  DropOwnedStmt: OWNED,
  DropRoleStmt: ROLE,
  DropStmt: {
    changes: ({ removeType, objects }) => (objects ?? []).flatMap((object) => changedObject(removeType, object)),
  },
  DropSubscriptionStmt: SUBSCRIPTION,
  DropTableSpaceStmt: TABLESPACE,
  DropUserMappingStmt: FOREIGN_DATA,
  DropdbStmt: DATABASE,
  ExecuteStmt: { anywhere: 'Carries out a prepared statement, which reads or writes rows.' },
  ExplainStmt: { anywhere: 'The statement that it explains is looked at by itself.' },
  FetchStmt: ROWS,
  GrantRoleStmt: ROLE,
  GrantStmt: {
    changes({ targtype, objtype, objects }) {
      const type = targtype === 'ACL_TARGET_ALL_IN_SCHEMA' ? 'OBJECT_SCHEMA' : objtype;
      return (objects ?? []).flatMap((object) => changedObject(type, object));
    },
  },
  ImportForeignSchemaStmt: { changes: ({ local_schema }) => changedSchema(local_schema) },
  IndexStmt: { changes: ({ relation }) => changedRelation(relation) },
  InsertStmt: ROWS,
  ListenStmt: SESSION,
  LoadStmt: SESSION,
  LockStmt: {
    changes: ({ relations, mode }) => ((mode ?? 0) < DEFINITION_LOCK ? [] : changedRelations(relations)),
  },
  MergeStmt: ROWS,
  NotifyStmt: SESSION,
  PLAssignStmt: PART,
  PrepareStmt: { anywhere: 'Can only hold a statement that reads or writes rows.' },
  RawStmt: PART,
  ReassignOwnedStmt: OWNED,
  RefreshMatViewStmt: { changes: ({ relation }) => changedRelation(relation) },
  ReindexStmt: {
    changes({ kind, relation, name }) {
      if (relation !== undefined) return changedRelation(relation);
      return kind === 'REINDEX_OBJECT_SCHEMA' ? changedSchema(name) : [WHOLE_DATABASE];
    },
  },
  RenameStmt: {
    changes({ renameType, relation, object, subname }) {
      if (renameType === 'OBJECT_SCHEMA') return changedSchema(subname);
      return relation === undefined ? changedObject(renameType, object) : changedRelation(relation);
    },
  },
  ReplicaIdentityStmt: PART,
  ReturnStmt: PART,
  RuleStmt: { changes: ({ relation }) => changedRelation(relation) },
  SecLabelStmt: { changes: ({ objtype, object }) => changedObject(objtype, object) },
  SelectStmt: { changes: (statement) => changedRelation(intoOf(statement)?.rel) },
  SetOperationStmt: PART,
  TransactionStmt: { anywhere: 'Has a rule of its own: it is refused, but for savepoints.' },
  // Unlike DELETE, it takes the lock of a DROP TABLE.
  TruncateStmt: { changes: ({ relations }) => changedRelations(relations) },
  UnlistenStmt: SESSION,
  UpdateStmt: ROWS,
  VacuumStmt: {
    changes({ rels }) {
      if (rels === undefined || rels.length === 0) return [WHOLE_DATABASE];
      return rels.flatMap((rel) => ('VacuumRelation' in rel ? changedRelation(rel.VacuumRelation.relation) : []));
    },
  },
  VariableSetStmt: SESSION,
  VariableShowStmt: SESSION,
  ViewStmt: { changes: ({ view }) => changedRelation(view) },
};

/** `SELECT … INTO` of a `UNION` stands in its leftmost part. */
function intoOf(statement: SelectStmt): SelectStmt['intoClause'] {
  let leftmost = statement;
  while (leftmost.larg !== undefined) leftmost = leftmost.larg;
  return leftmost.intoClause;
}
