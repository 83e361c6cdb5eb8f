import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { HostTree, type Tree } from '@angular-devkit/schematics';
import { SchematicTestRunner, type UnitTestTree } from '@angular-devkit/schematics/testing/index.js';

const collection = resolve(import.meta.dirname, 'collection.json');

export interface Answers {
  database?: boolean;
  cache?: boolean;
  calls?: string;
  worker?: boolean;
}

/** This repository as the generator sees it, without some of its services. */
export function repository({ without = 'apps/' } = {}): Tree {
  const tree = new HostTree();
  const files = globSync(['docker-compose.yml', '{apps,libs,tools}/*/package.json', '{*,apps/*,tools/*}/*.yml'], {
    exclude: ['**/node_modules'],
  });
  for (const file of files.filter((one) => !one.startsWith(without))) {
    tree.create(file, readFileSync(file));
  }
  // Those who call a service know its address, whether it is there or not.
  tree.create('.env.example', '# DATABASE_URL=\n');
  return tree;
}

const run = (schematic: string, options: object, tree: Tree): Promise<UnitTestTree> =>
  new SchematicTestRunner('@app/schematics', collection).runSchematic(schematic, options, tree);

export const generateApp = (tree: Tree, name: string, answers: Answers = {}) => run('app', { name, ...answers }, tree);

export const generateClient = (tree: Tree, options: object) => run('client', options, tree);
