import { chain, externalSchematic } from '@angular-devkit/schematics';

/** Nest's resource. Its service has parameters that it does not use yet, which TypeScript refuses here unless their names begin with _. */
export function resource(options) {
  return chain([
    externalSchematic('@nestjs/schematics', 'resource', options),
    (tree) => {
      for (const { kind, path } of tree.actions) {
        if (kind !== 'c' || !path.endsWith('.service.ts')) continue;
        tree.overwrite(path, tree.readText(path).replace(/\b((create|update)\w+: \w+)\)/g, '_$1)'));
      }
    },
  ]);
}
