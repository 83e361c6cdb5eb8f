import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { overview } from './overview.dashboard.js';
import { resilience } from './resilience.dashboard.js';
import { service } from './service.dashboard.js';
import { slo } from './slo.dashboard.js';

/** Every dashboard, in the order in which one looks at them. */
export const dashboards: readonly Dashboard[] = [overview, service, resilience, slo];
