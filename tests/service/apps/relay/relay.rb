# GET /relay/N asks the upstream twice, with net/http, and answers with what came, a line each. As a program: WEBrick, argv: port.
require 'net/http'

HOST, PORT = ENV['UPSTREAM'].split(':')
IDLE = Queue.new

def ask(path)
  http = begin
    IDLE.pop(true)
  rescue ThreadError
    Net::HTTP.start(HOST, PORT.to_i)
  end
  body = http.get(path).body
  IDLE << http
  body
end

def relay(path)
  ask("#{path}/a") + ask("#{path}/b")
end

if $PROGRAM_NAME == __FILE__
  require 'webrick'
  server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [], MaxClients: 200,
                                   Logger: WEBrick::Log.new($stderr, WEBrick::Log::ERROR))
  server.mount_proc('/relay') { |request, response| response.body = relay(request.path) }
  trap('TERM') { server.shutdown }
  server.start
end
