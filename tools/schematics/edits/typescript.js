import { SchematicsException } from '@angular-devkit/schematics';
import ts from 'typescript';

/** Edits by syntax tree. Format and order of imports are the formatter's to mend. */

/** Imports a name, unless the file does so already. `type X` imports a type only. */
export function addImport(tree, file, name, from) {
  const { source, text } = read(tree, file);
  const existing = source.statements.find(
    (one) => ts.isImportDeclaration(one) && one.moduleSpecifier.text === from && !one.importClause?.isTypeOnly,
  );
  const named = existing?.importClause?.namedBindings;
  if (!named || !ts.isNamedImports(named)) {
    return write(tree, file, text, 0, `import { ${name} } from '${from}';\n`);
  }
  const plain = name.replace(/^type /, '');
  if (named.elements.some((element) => element.name.text === plain)) return undefined;
  return write(tree, file, text, named.elements.at(-1).end, `, ${name}`);
}

/** Adds a property to the object that a function is called with. */
export function addProperty(tree, file, calledFunction, key, value) {
  const { source, text } = read(tree, file);
  const call = find(source, (node) => ts.isCallExpression(node) && node.expression.getText() === calledFunction);
  const object = call?.arguments.find(ts.isObjectLiteralExpression);
  if (!object) throw new SchematicsException(`${file} calls no ${calledFunction} with an object.`);
  if (object.properties.some(({ name }) => name?.getText() === key)) {
    throw new SchematicsException(`${file} has a ${key} already.`);
  }
  return append(tree, file, text, object, object.properties, `${key}: ${value}`);
}

/** Adds an element to the array that is the value of a property. */
export function addArrayItem(tree, file, key, element) {
  const { source, text } = read(tree, file);
  const property = find(
    source,
    (node) =>
      ts.isPropertyAssignment(node) && node.name.getText() === key && ts.isArrayLiteralExpression(node.initializer),
  );
  if (!property) throw new SchematicsException(`${file} has no ${key}: [].`);
  return append(tree, file, text, property.initializer, property.initializer.elements, element);
}

function append(tree, file, text, parent, siblings, added) {
  const last = siblings.at(-1);
  if (!last) return write(tree, file, text, parent.getStart() + 1, added);
  const comma = text.slice(last.end, parent.end).includes(',');
  return write(tree, file, text, last.end, `,\n    ${added}${comma ? '' : ','}`);
}

function find(node, matches) {
  if (matches(node)) return node;
  return ts.forEachChild(node, (child) => find(child, matches));
}

function read(tree, file) {
  const text = tree.readText(file);
  return { text, source: ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true) };
}

function write(tree, file, text, at, added) {
  tree.overwrite(file, text.slice(0, at) + added + text.slice(at));
}
