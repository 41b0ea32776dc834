# The test routes on WEBrick. argv: port.
require 'webrick'

server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [], MaxClients: 200,
                                 RequestTimeout: 30, Logger: WEBrick::Log.new($stderr, WEBrick::Log::ERROR))
text = lambda do |path, &make|
  server.mount_proc(path) do |req, res|
    res.content_type = 'text/plain'
    make.call(req, res)
  end
end
text.call('/small') { |_, res| res.body = "hello\n" }
text.call('/id') { |req, res| res.body = (req['X-Request-ID'] || 'none') + "\n" }
text.call('/echo') { |req, res| res.body = req.body || '' }
text.call('/chunked') do |_, res|
  res.chunked = true
  res.body = proc { |out| 20.times { |i| out.write("piece #{i} " * 40) } }
end
text.call('/big') { |_, res| res.body = File.open(ENV['BIG_FILE'], 'rb') }
text.call('/error') do |_, res|
  res.status = 500
  res.body = "broken\n"
end
text.call('/slow') do |_, res|
  sleep 0.3
  res.body = "late\n"
end
text.call('/') do |_, res|
  res.status = 404
  res.body = "not here\n"
end
trap('TERM') { server.shutdown }
server.start
