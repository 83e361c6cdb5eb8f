import { stringify } from 'yaml';
import { alerts, toAlertingRule } from './alerts.js';
import { objectiveRules } from './objective.rules.js';
import { prometheusConfig } from './prometheus.config.js';
import type { Service } from './services.js';

/** Every file that is made of the catalogue and the objectives, by its path below `prometheus`. */
export function generate(services: readonly Service[]): Map<string, string> {
  const names = services.map(({ name }) => name);
  const groups = [
    { name: 'alerts', rules: alerts(names).map(toAlertingRule) },
    ...services.flatMap(({ name, objectives }) =>
      objectives ? [{ name: `${name}.slo`, rules: objectiveRules(name, objectives) }] : [],
    ),
  ];
  return new Map([
    ['prometheus.yml', prometheusConfig(names)],
    ...groups.map((group) => [`rules/${group.name}.yml`, yamlFile({ groups: [group] })] as const),
    ['kubernetes/rules.yml', yamlFile(prometheusRule(groups))],
  ]);
}

/** The same rules for Kubernetes, where the Prometheus operator reads them. */
function prometheusRule(groups: object[]): object {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'services' },
    spec: { groups },
  };
}

function yamlFile(content: object): string {
  return `# Written by \`pnpm generate\` from prometheus/src.\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
