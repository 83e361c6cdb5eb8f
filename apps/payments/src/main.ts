import { startService } from '@app/service';
import { AppModule } from './app.module.js';

await startService(AppModule);
