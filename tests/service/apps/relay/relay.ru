# The same as a Rack application, for puma.
require_relative 'relay'

run lambda { |env|
  body = relay(env['PATH_INFO'])
  [200, { 'content-type' => 'text/plain', 'content-length' => body.bytesize.to_s }, [body]]
}
