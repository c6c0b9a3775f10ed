// For servers that cannot be told where to listen: whatever they ask for, it is loopback. And they end when their standard input does.
const net = require('net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === 'object') {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  }
  const done = rest.filter((argument) => typeof argument === 'function');
  return listen.call(this, first, '127.0.0.1', ...done);
};

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
