// A broker on a port of the loopback address: node server.js PORT
const aedes = require('aedes')()
require('net').createServer(aedes.handle).listen(Number(process.argv[2]), '127.0.0.1')
