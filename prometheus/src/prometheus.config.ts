/** Admin port of every service in its container: `Dockerfile`. */
const adminPort = 9000;
const spanMetricsPort = 8889;

/** `prometheus.yml`. It finds instances by DNS where services run in containers, and in a file where `pnpm stack` runs. */
export function prometheusConfig(services: readonly string[]): string {
  return `# Written by \`pnpm generate\` from prometheus/src. Valid for Prometheus 2.42 and 3.
global:
  scrape_interval: 5s # The data source of Grafana must know it: grafana/provisioning/datasources/datasources.yml
  evaluation_interval: 15s

rule_files:
  - rules/*.yml

# Where alerts go is yours to say: run an Alertmanager, name its receiver, and tell Prometheus where it is.
# alerting:
#   alertmanagers:
#     - static_configs:
#         - targets: [alertmanager:9093]
#
# A receiver in alertmanager.yml, by the severity that prometheus/rules/alerts.yml gives:
#   route:
#     receiver: tickets
#     group_by: [alertname, job]
#     routes:
#       - matchers: [severity="page"]
#         receiver: pager
#   receivers:
#     - name: tickets
#       webhook_configs: [{ url: https://example.org/tickets }]
#     - name: pager
#       webhook_configs: [{ url: https://example.org/pager }]

scrape_configs:
  # The job of an instance is its service.
  - job_name: services
    dns_sd_configs:
      - names:
${services.map((name) => `          - ${name}\n`).join('')}        type: A
        port: ${adminPort}
        refresh_interval: 5s
    file_sd_configs:
      - files: [../.data/stack/targets.json]
        refresh_interval: 5s
    relabel_configs:
      - source_labels: [__meta_dns_name]
        regex: (.+)
        target_label: job

  # What Jaeger counts of the spans it gets; its own monitor page reads it from here.
  - job_name: jaeger
    dns_sd_configs:
      - names: [jaeger]
        type: A
        port: ${spanMetricsPort}
        refresh_interval: 5s
`;
}
