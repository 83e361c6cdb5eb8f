// pnpm brings the right Node. Where its build script was blocked, scripts silently run on the system's, which may be too old.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 11)) {
  console.error(
    `This needs Node 24.11 or newer, and runs on ${process.version} (${process.execPath}).\n` +
      'Run it through pnpm (`npx pnpm@12 start`), which brings Node 24. If that did not help, install Node 24 itself,\n' +
      'or let pnpm unpack its own: `npx pnpm@12 rebuild node`.',
  );
  process.exit(1);
}
