import { resolve } from 'node:path';
import ts from 'typescript';

interface Typed {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

/** Kubernetes' own schemas and those of the Prometheus operator, as npm has them. */
function moduleOf({ apiVersion }: Typed): string {
  const isOperators = apiVersion.startsWith('monitoring.coreos.com/');
  return `${isOperators ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}`;
}

/** What its schema says against an object. */
export async function validate(object: Typed): Promise<string[]> {
  const models = (await import(moduleOf(object))) as Record<string, new (data: object) => { validate(): void }>;
  const Model = models[object.kind];
  if (!Model) return [`${object.apiVersion} has no ${object.kind}`];
  try {
    new Model(object).validate();
    return [];
  } catch (error) {
    return [`${object.kind} ${object.metadata.name}: ${(error as Error).message}`];
  }
}

/** Fields that no schema has, which those allow and clusters refuse or drop: TypeScript finds them, by the types of the same schemas. */
export function unknownFields(objects: Typed[]): string[] {
  const file = resolve('test/rendered.objects.ts');
  const text = objects
    .map((object, n) => {
      const type = `import('${moduleOf(object)}').I${object.kind}`;
      return `export const object${n}: ${type} = ${JSON.stringify(object)};`;
    })
    .join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.Latest) : getSourceFile(name, ...rest);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
