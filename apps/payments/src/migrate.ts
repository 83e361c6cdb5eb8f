import { migrate } from '@app/postgres';
import { runCommand } from '@app/service';
import { migrations } from './migrations/index.js';
import { paymentsConfig } from './payments.config.js';

await runCommand(() => migrate(paymentsConfig.parse().postgres, migrations));
