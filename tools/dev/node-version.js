// pnpm brings the right Node. Where its build script was blocked, scripts silently run on the system's, which may be too old.
const [major, minor, patch] = process.versions.node.split('.').map(Number);
const since = (...wanted) =>
  [major, minor, patch].join() === wanted.join() ||
  [major, minor, patch].map((part, i) => part - wanted[i]).find(Boolean) > 0;
// The preload leaves out imports by synchronous hooks, which these versions are the first to allow.
if (!since(24, 11, 1) || (major === 25 && !since(25, 1, 0))) {
  console.error(
    `This needs Node 24.11.1 or newer, and runs on ${process.version} (${process.execPath}).\n` +
      'Run it through pnpm (`npx pnpm@12 start`), which brings Node 24. If that did not help, install Node 24 itself,\n' +
      'or let pnpm unpack its own: `npx pnpm@12 rebuild node`.',
  );
  process.exit(1);
}
