// Specs that are about log lines collect them with a logger of their own.
process.env.LOG_LEVEL ??= 'silent';
