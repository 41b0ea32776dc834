# The test routes as a Rack application, for puma.
app = lambda do |env|
  text = { 'content-type' => 'text/plain' }
  case env['PATH_INFO']
  when '/small' then [200, text.merge('content-length' => '6'), ["hello\n"]]
  when '/id' then [200, text, [(env['HTTP_X_REQUEST_ID'] || 'none') + "\n"]]
  when '/chunked' then [200, text, (0...20).lazy.map { |i| "piece #{i} " * 40 }]
  when '/big'
    file = File.open(ENV['BIG_FILE'], 'rb')
    parts = Enumerator.new { |out| while (part = file.read(65536)) do out << part end }
    [200, { 'content-length' => file.size.to_s }, parts]
  when '/echo'
    body = env['rack.input'].read
    [200, { 'content-length' => body.bytesize.to_s }, [body]]
  when '/error' then [500, text, ["broken\n"]]
  when '/slow'
    sleep 0.3
    [200, text, ["late\n"]]
  else [404, text, ["not here\n"]]
  end
end
run app
