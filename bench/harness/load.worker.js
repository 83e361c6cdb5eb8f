import autocannon from 'autocannon';

// A process of its own, so that making load takes nothing from upstream and collector. One burst for each message.
process.on('message', async ({ url, seconds, connections }) => {
  const result = await autocannon({ url, connections, duration: seconds, sampleInt: 10 });
  process.send({
    answered: result['2xx'],
    failed: result.non2xx + result.errors,
    seconds: (result.finish - result.start) / 1000,
  });
});
process.on('disconnect', () => process.exit());
