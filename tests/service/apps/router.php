<?php // The test routes for PHP's built-in server.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: text/plain');
switch ($path) {
case '/small':
    header('Content-Length: 6');
    echo "hello\n";
    break;
case '/id':
    echo ($_SERVER['HTTP_X_REQUEST_ID'] ?? 'none') . "\n";
    break;
case '/chunked':
    for ($i = 0; $i < 20; $i++) {
        echo str_repeat("piece $i ", 40);
        flush();
    }
    break;
case '/big':
    header('Content-Length: ' . filesize(getenv('BIG_FILE')));
    readfile(getenv('BIG_FILE'));
    break;
case '/echo':
    $body = file_get_contents('php://input');
    header('Content-Length: ' . strlen($body));
    echo $body;
    break;
case '/error':
    http_response_code(500);
    echo "broken\n";
    break;
case '/slow':
    usleep(300000);
    echo "late\n";
    break;
default:
    http_response_code(404);
    echo "not here\n";
}
