import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { edit, removeFiles } from './edits.js';

const before = { name: 'ballast', scope: 'app' };

/** Every file under version control that is still there. */
export function trackedFiles() {
  return execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
    .split('\0')
    .filter((file) => file && existsSync(file));
}

/** Writes the new names wherever the old ones stand. */
export function rename({ name, scope }) {
  const title = name.replace(/(^|-)([a-z])/g, (_, hyphen, letter) => `${hyphen && ' '}${letter.toUpperCase()}`);
  const oldTitle = before.name.charAt(0).toUpperCase() + before.name.slice(1);
  for (const file of trackedFiles()) {
    edit(file, (text) =>
      text
        .replaceAll(before.name, name)
        .replaceAll(oldTitle, title)
        .replaceAll(new RegExp(`@${before.scope}(?=/)`, 'g'), `@${scope}`),
    );
    // Dashboards are called after the repository, and written anew.
    if (file.startsWith(`grafana/dashboards/${before.name}-`)) removeFiles(file);
  }
}
