import { migrate } from '@app/postgres';
import { runCommand } from '@app/service';
import { migrations } from './migrations/index.js';
import { ordersConfig } from './orders.config.js';

await runCommand(() => migrate(ordersConfig.parse().postgres, migrations));
