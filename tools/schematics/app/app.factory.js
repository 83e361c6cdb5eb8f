import { apply, applyTemplates, chain, mergeWith, move, noop, url } from '@angular-devkit/schematics';
import { addClient } from '../client/client.factory.js';
import { thenFinish } from '../finish/finish.factory.js';
import { namesOf } from '../names.js';
import { checkApp, checkNewName, freePort, portOf } from '../workspace.js';

/** `nest g app billing`: a service with what it needs, and nothing else. */
export function app({ name, database = false, cache = false, calls: called = '', worker = false, ports }) {
  const calls = called.trim();
  return (tree) => {
    checkNewName(tree, name);
    if (calls) checkApp(tree, calls);
    const options = {
      ...namesOf(name),
      ...(ports ?? freePort(tree)),
      called: calls && { ...namesOf(calls), port: portOf(tree, calls) },
      database,
      cache,
      worker,
      table,
    };
    return chain([
      files('./files', options),
      database ? files('./database', options) : noop(),
      worker ? files('./worker', options) : noop(),
      calls ? addClient({ name, calls, hasFallback: cache }) : noop(),
      thenFinish(name),
    ]);
  };
}

/** A table of Markdown, aligned as the others are. */
function table(...rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}

const files = (from, options) => mergeWith(apply(url(from), [applyTemplates(options), move(`apps/${options.name}`)]));
