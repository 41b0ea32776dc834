<?php // GET /relay/N asks the upstream twice, with curl, and answers with what came, a line each.
$curl = curl_init();
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
$body = '';
foreach (['a', 'b'] as $which) {
    curl_setopt($curl, CURLOPT_URL, 'http://' . getenv('UPSTREAM') . $_SERVER['REQUEST_URI'] . "/$which");
    $body .= curl_exec($curl);
}
header('Content-Type: text/plain');
header('Content-Length: ' . strlen($body));
echo $body;
