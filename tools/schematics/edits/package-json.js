/** Adds a development dependency whose version stands in the catalog. */
export function addDevDependency(tree, file, name) {
  const manifest = tree.readJson(file);
  if (manifest.dependencies?.[name] || manifest.devDependencies?.[name]) return;
  const devDependencies = { ...manifest.devDependencies, [name]: 'catalog:' };
  manifest.devDependencies = Object.fromEntries(Object.entries(devDependencies).sort(([a], [b]) => (a < b ? -1 : 1)));
  tree.overwrite(file, `${JSON.stringify(manifest, null, 2)}\n`);
}
