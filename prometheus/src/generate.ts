import { stringify } from 'yaml';
import { alerts, toAlertingRule } from './alerts.js';
import { objectiveRules } from './objective.rules.js';
import { prometheusConfig } from './prometheus.config.js';
import type { Service } from './services.js';

/** Every file that is made of the catalogue and the objectives, by its path below `prometheus`. */
export function generate(services: readonly Service[]): Map<string, string> {
  const names = services.map(({ name }) => name);
  const files = new Map([
    ['prometheus.yml', prometheusConfig(names)],
    ['rules/alerts.yml', ruleFile({ name: 'alerts', rules: alerts(names).map(toAlertingRule) })],
  ]);
  for (const { name, objectives } of services) {
    if (!objectives) continue;
    files.set(`rules/${name}.slo.yml`, ruleFile({ name: `${name}.slo`, rules: objectiveRules(name, objectives) }));
  }
  return files;
}

function ruleFile(group: { name: string; rules: object[] }): string {
  return `# Written by \`pnpm generate\` from prometheus/src.\n${stringify({ groups: [group] }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
