import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

export function removeFiles(...files) {
  for (const file of files) rmSync(file, { recursive: true, force: true });
}

/** Changes a file, where that changes anything. */
export function edit(file, change) {
  if (!existsSync(file)) return;
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after !== before) writeFileSync(file, after);
}

export function removeLines(file, pattern) {
  edit(file, (text) =>
    text
      .split('\n')
      .filter((line) => !pattern.test(line))
      .join('\n'),
  );
}
