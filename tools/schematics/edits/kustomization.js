import { parseDocument } from 'yaml';

const discovery = '../../deploy/discovery';

/** Tells a service in Kubernetes where another is, and lets it see its instances. */
export function addKubernetesAddress(tree, file, variable, called) {
  const document = parseDocument(tree.readText(file));
  const { components = [] } = document.toJS();
  if (!components.includes(discovery)) document.addIn(['components'], discovery);
  const literals = ['configMapGenerator', 0, 'literals'];
  if (!document.hasIn(literals)) document.setIn(literals, document.createNode([]));
  document.addIn(literals, `${variable}=k8s:http://${called}:http`);
  tree.overwrite(file, document.toString({ lineWidth: 0 }));
}
