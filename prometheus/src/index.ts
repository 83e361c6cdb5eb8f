export { type Alert, alerts } from './alerts.js';
export {
  atMost,
  type DashboardUid,
  grafanaUrl,
  jaegerUrl,
  metric,
  panelId,
  panelUrl,
} from './metrics.js';
export { objectiveRules, type RecordingRule, recorded, type Window } from './objective.rules.js';
export { loadServices, type Service } from './services.js';
