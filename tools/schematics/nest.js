#!/usr/bin/env node
import { subscribe } from 'node:diagnostics_channel';

// Nest's CLI ends with 0 although a schematic failed, and repeats its whole command line: the schematic has said what is wrong.
if (['g', 'generate'].includes(process.argv[2])) {
  subscribe('child_process', ({ process: child }) => {
    child.once('exit', (code) => {
      if (code !== 0) process.exit(1);
    });
  });
}

await import('@nestjs/cli/bin/nest.js');
