import { isMap, parseDocument } from 'yaml';

/** Tells a service's container where another is, and to wait for it. All that stands there already stays as it is written. */
export function addContainerDependency(tree, file, service, { variable, url, container }) {
  addLine(tree, file, service, 'environment', `${variable}: ${url}`, { before: 'ports' });
  addLine(tree, file, service, 'depends_on', `${container}: { condition: service_healthy }`);
}

/** Adds a line to a map of the service. Where there is no such map yet, it comes before another key, or last. */
function addLine(tree, file, service, key, line, { before } = {}) {
  const text = tree.readText(file);
  const map = parseDocument(text).getIn(['services', service]);
  const pair = map.items.find((item) => item.key.value === key);
  if (isMap(pair?.value) && !pair.value.flow) {
    return insert(tree, file, endOfLine(text, lastContent(text, pair.value.range[1])), `\n      ${line}`);
  }
  if (pair) throw new Error(`${file}: ${key} of ${service} must be a block of lines.`);
  const next = map.items.find((item) => item.key.value === before);
  if (next) return insert(tree, file, next.key.range[0], `${key}:\n      ${line}\n    `);
  return insert(tree, file, lastContent(text, map.range[1]), `\n    ${key}:\n      ${line}`);
}

/** The end of what stands before an offset, without the white space between. */
const lastContent = (text, offset) => text.slice(0, offset).trimEnd().length;

function endOfLine(text, offset) {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}

function insert(tree, file, at, added) {
  const text = tree.readText(file);
  tree.overwrite(file, text.slice(0, at) + added + text.slice(at));
}
