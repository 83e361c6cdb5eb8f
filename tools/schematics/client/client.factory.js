import { apply, applyTemplates, chain, mergeWith, move, SchematicsException, url } from '@angular-devkit/schematics';
import { addContainerDependency } from '../edits/compose.js';
import { addKubernetesAddress } from '../edits/kustomization.js';
import { addDevDependency } from '../edits/package-json.js';
import { addArrayItem, addImport, addProperty } from '../edits/typescript.js';
import { thenFinish } from '../finish/finish.factory.js';
import { namesOf } from '../names.js';
import { calls as alreadyCalls, checkApp, portOf } from '../workspace.js';

/** `nest g client payments --project billing`. */
export function client({ name, project, sourceRoot }) {
  return (tree) => {
    const caller = project || /^apps\/([^/]+)\//.exec(sourceRoot ?? '')?.[1];
    if (!caller) throw new SchematicsException('Which service calls it? Say so with --project.');
    if (!name) throw new SchematicsException('Which service is called? Say so as in `nest g client payments`.');
    checkApp(tree, caller);
    checkApp(tree, name);
    if (tree.exists(`apps/${caller}/src/${name}.client.ts`)) {
      throw new SchematicsException(`${caller} has a client of ${name} already.`);
    }
    if (alreadyCalls(tree, name, caller)) {
      throw new SchematicsException(
        name === caller
          ? `${name} cannot be its own client.`
          : `${name} calls ${caller} already. In a circle each would wait for the other, in use and at the start.`,
      );
    }
    return chain([addClient({ name: caller, calls: name }), thenFinish(caller)]);
  };
}

/** Adds the typed client, its spec, its options and its module, and says to compose and to Kubernetes what is called. */
export function addClient({ name, calls, hasFallback = false }) {
  return (tree) => {
    const called = namesOf(calls);
    const { camel, pascal } = namesOf(name);
    const source = `apps/${name}/src`;
    const configFile = `${source}/${name}.config.ts`;
    const moduleFile = `${source}/app.module.ts`;
    const baseUrl = `http://127.0.0.1:${portOf(tree, calls)}`;

    addImport(tree, configFile, 'httpClientEnv', '@app/resilience');
    addProperty(
      tree,
      configFile,
      'defineConfig',
      called.camel,
      `httpClientEnv('${called.upper}', { baseUrl: '${baseUrl}' })`,
    );

    addImport(tree, moduleFile, 'HttpClientModule', '@app/resilience');
    addImport(tree, moduleFile, `type ${pascal}Config`, `./${name}.config.js`);
    addImport(tree, moduleFile, `${camel}Config`, `./${name}.config.js`);
    addImport(tree, moduleFile, `${called.pascal}Client`, `./${calls}.client.js`);
    addArrayItem(
      tree,
      moduleFile,
      'imports',
      `HttpClientModule.registerAsync({
      client: ${called.pascal}Client,${hasFallback ? `\n      hasFallback: true,` : ''}
      inject: [${camel}Config.KEY],
      useFactory: (config: ${pascal}Config) => config.${called.camel},
    })`,
    );

    addContainerDependency(tree, `apps/${name}/compose.yml`, name, {
      variable: `${called.upper}_URL`,
      url: `http://${calls}:3000`,
      container: calls,
    });
    addKubernetesAddress(tree, `apps/${name}/kustomization.yml`, `${called.upper}_URL`, calls);
    addDevDependency(tree, `apps/${name}/package.json`, '@nestjs/testing');
    return mergeWith(apply(url('../client/files'), [applyTemplates(called), move(source)]));
  };
}
