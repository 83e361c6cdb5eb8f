// Preloaded into each measured process: tells how much CPU time it has used, in microseconds, and ends it when the benchmark is gone.
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send(user + system);
});
process.on('disconnect', () => process.exit());
process.channel.unref();
