import { existsSync } from 'node:fs';

// What is in the environment already wins.
if (existsSync('.env')) process.loadEnvFile('.env');
