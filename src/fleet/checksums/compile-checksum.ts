import type { Compiler } from '../../engine/compile/compiler.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import type { ChecksumOf, FileSet } from '../../journal/checksums/types.js';
import type { Project } from '../../project/project.js';
import { sharedSource, tenantSource } from '../migration-sources.js';

/** Compiles JavaScript migrations for their checksums, one by one: one that cannot be compiled is no reason to fail. */
export function checksumCompiler(project: Project): ChecksumOf {
  const compilers = new Map<string, Promise<Compiler>>();
  return async (set, file) => {
    const source = set.schema === 'shared' ? sharedSource(project) : tenantSource(project, set.type);
    const compiler = compilers.get(source.directory) ?? createFor(project, source, set);
    compilers.set(source.directory, compiler);
    const { compiledChecksum } = await import('../../engine/compile/checksum.js');
    try {
      const [migration] = await (await compiler).compile([file.name], 'up');
      return migration === undefined ? undefined : await compiledChecksum(file, migration);
    } catch (error) {
      if (!isTenantsError(error)) throw error;
      return undefined;
    }
  };
}

async function createFor(
  project: Project,
  source: ReturnType<typeof sharedSource>,
  { files }: FileSet,
): Promise<Compiler> {
  const { createCompiler } = await import('../../engine/compile/compiler.js');
  return createCompiler(source, [...files], {
    migrationsTable: project.migrationsTable,
    extensions: new Set(),
    checkExtensions: false,
    fallThrough: 'off',
  });
}
