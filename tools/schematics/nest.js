#!/usr/bin/env node
import { subscribe } from 'node:diagnostics_channel';

const [command, schematic] = process.argv.slice(2);

if (['g', 'generate'].includes(command)) {
  // Nest's CLI would ask, and end with its question.
  if (
    !process.stdin.isTTY &&
    isPartOfService(schematic) &&
    !process.argv.some((one) => /^(-p|--project)\b/.test(one))
  ) {
    console.error('Which service is it for? Say so with --project, such as --project billing.');
    process.exit(1);
  }
  // It ends with 0 although a schematic failed, and repeats its whole command line: the schematic has said what is wrong.
  subscribe('child_process', ({ process: child }) => {
    child.once('exit', (code) => {
      if (code !== 0) process.exit(1);
    });
  });
}

await import('@nestjs/cli/bin/nest.js');

function isPartOfService(name) {
  return name && !name.startsWith('-') && !['app', 'sub-app', 'application', 'library', 'lib'].includes(name);
}
