import { serve } from './plain.js';

await serve();
