/*
 * Rules that cannot be: what is said, and where. In each text an @ stands before the byte that the complaint names; it is
 * taken out before the text is read.
 */
#include "rules_rig.h"

#define C "\"metric\": \"a_total\", \"type\": \"counter\""
#define G "\"metric\": \"a\", \"type\": \"gauge\""
#define H "\"metric\": \"a\", \"type\": \"histogram\""
#define D H ", \"value\": \"duration\""
#define X8 "xxxxxxxx"
#define X32 X8 X8 X8 X8
#define X64 X32 X32
#define X128 X64 X64

static const struct {
    const char *rule;
    const char *where; /* behind rules[1] */
    const char *why;
} bad[] = {
    /* the rule */
    {"@5", "", "must be an object, as {\"metric\": \"tasks_total\", \"type\": \"counter\"}"},
    {"@[]", "", "must be an object, as {\"metric\": \"tasks_total\", \"type\": \"counter\"}"},
    {"@{}", "", "\"metric\" is missing"},
    {"@{\"metric\": \"a\"}", "", "\"type\" is missing"},
    {"{" C ", @\"lables\": {}}", ".lables",
     "this key is not known; allowed: metric, type, help, buckets, when, value, labels, body_limit"},
    {"{" C ", @\"\": {}}", "[\"\"]",
     "this key is not known; allowed: metric, type, help, buckets, when, value, labels, body_limit"},
    {"{" C ", @\"a.b\\\"\": {}}", "[\"a.b\\\"\"]",
     "this key is not known; allowed: metric, type, help, buckets, when, value, labels, body_limit"},
    {"{" C ", @\"metric, type\": {}}", "[\"metric, type\"]",
     "this key is not known; allowed: metric, type, help, buckets, when, value, labels, body_limit"},

    /* the metric */
    {"{\"metric\": @5, \"type\": \"counter\"}", ".metric",
     "must be a name of letters, digits and _, as \"tasks_total\""},
    {"{\"metric\": @\"\", \"type\": \"counter\"}", ".metric",
     "must be a name of letters, digits and _, as \"tasks_total\""},
    {"{\"metric\": @\"9a_total\", \"type\": \"counter\"}", ".metric",
     "must be a name of letters, digits and _, as \"tasks_total\""},
    {"{\"metric\": @\"a-b_total\", \"type\": \"counter\"}", ".metric",
     "must be a name of letters, digits and _, as \"tasks_total\""},
    {"{\"metric\": @\"a:b_total\", \"type\": \"counter\"}", ".metric",
     "must be a name of letters, digits and _, as \"tasks_total\""},
    {"{\"metric\": @\"" X64 X32 "\", \"type\": \"gauge\"}", ".metric", "longer than 95 bytes"},
    {"{\"metric\": @\"process_x\", \"type\": \"gauge\"}", ".metric",
     "\"process_x\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"octoshim_x_total\", \"type\": \"counter\"}", ".metric",
     "\"octoshim_x_total\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"http_requests_total\", \"type\": \"counter\"}", ".metric",
     "\"http_requests_total\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"http_request_duration_seconds\", \"type\": \"histogram\"}", ".metric",
     "\"http_request_duration_seconds\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"http_requests_in_progress\", \"type\": \"gauge\"}", ".metric",
     "\"http_requests_in_progress\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"up\", \"type\": \"gauge\"}", ".metric",
     "\"up\" is not for rules: the name has a meaning already"},
    {"{\"metric\": @\"a\", \"type\": \"counter\"}", ".metric",
     "a counter's name ends in _total, with something before it"},
    {"{\"metric\": @\"_total\", \"type\": \"counter\"}", ".metric",
     "a counter's name ends in _total, with something before it"},
    {"{\"metric\": @\"a_total\", \"type\": \"gauge\", \"value\": \"open\"}", ".metric",
     "only a counter's name ends in _total"},
    {"{\"metric\": @\"a_total\", \"type\": \"histogram\", \"value\": \"duration\"}", ".metric",
     "only a counter's name ends in _total"},
    {"{\"metric\": \"a_total\", \"type\": @\"Counter\"}", ".type", "must be one of: counter, gauge, histogram"},
    {"{\"metric\": \"a_total\", \"type\": @\"\"}", ".type", "must be one of: counter, gauge, histogram"},
    {"{\"metric\": \"a_total\", \"type\": @null}", ".type", "must be one of: counter, gauge, histogram"},
    {"{\"metric\": \"a_total\", \"type\": @\"counter, gauge\"}", ".type",
     "must be one of: counter, gauge, histogram"},
    {"{" C ", \"help\": @7}", ".help", "must be a text"},
    {"{" C ", \"help\": @\"\"}", ".help", "must be a text"},
    {"{" C ", \"help\": @\"" X128 X8 X8 X8 "\"}", ".help", "longer than 151 bytes"},
    {"{" C ", \"help\": @\"a\\nb\"}", ".help", "has a control character, a quotation mark or a \\"},
    {"{" C ", \"help\": @\"a\\u007fb\"}", ".help", "has a control character, a quotation mark or a \\"},
    {"{" C ", \"help\": @\"a\\\"b\"}", ".help", "has a control character, a quotation mark or a \\"},
    {"{" C ", \"help\": @\"a\\\\b\"}", ".help", "has a control character, a quotation mark or a \\"},

    /* buckets */
    {"{" C ", @\"buckets\": [1]}", ".buckets", "only histograms have buckets"},
    {"{" G ", \"value\": \"in_progress\", @\"buckets\": [1]}", ".buckets", "only histograms have buckets"},
    {"@{" H ", \"value\": \"bytes_in\"}", "", "\"buckets\" is missing: the usual ones are seconds"},
    {"{" D ", \"buckets\": @[]}", ".buckets", "must be a list of numbers, as [0.1, 1, 10]"},
    {"{" D ", \"buckets\": @0.1}", ".buckets", "must be a list of numbers, as [0.1, 1, 10]"},
    {"{" D ", \"buckets\": [1, @\"2\"]}", ".buckets[1]",
     "buckets are seconds of at most 9 decimals, none negative or very large"},
    {"{" D ", \"buckets\": [1,\n 2, @2]}", ".buckets[2]", "buckets must ascend"},
    {"{" D ", \"buckets\": [1,\n 2, @1.5]}", ".buckets[2]", "buckets must ascend"},
    {"{" D ", \"buckets\": [@-1, 2]}", ".buckets[0]",
     "buckets are seconds of at most 9 decimals, none negative or very large"},
    {"{" D ", \"buckets\": [1, @1e300]}", ".buckets[1]",
     "buckets are seconds of at most 9 decimals, none negative or very large"},
    {"{" D ", \"buckets\": [@0.00000000055]}", ".buckets[0]",
     "buckets are seconds of at most 9 decimals, none negative or very large"},
    {"{" H ", \"value\": \"bytes_out\", \"buckets\": [1, @1.5]}", ".buckets[1]",
     "buckets are whole numbers, none negative or very large"},
    {"{" H ", \"value\": \"$request.n\", \"buckets\": [1, @1.0000005]}", ".buckets[1]",
     "buckets are numbers of at most 6 decimals, none negative or very large"},
    {"{" D ", \"buckets\": @[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]}", ".buckets",
     "more than 24 buckets"},

    /* value */
    {"@{" G "}", "", "\"value\" is missing: only counters do without"},
    {"@{" H "}", "", "\"value\" is missing: only counters do without"},
    {"{" G ", \"value\": @1}", ".value", "1 is for counters only"},
    {"{" H ", \"value\": @1}", ".value", "1 is for counters only"},
    {"{" C ", \"value\": @2}", ".value",
     "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1"},
    {"{" C ", \"value\": @1.0}", ".value",
     "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1"},
    {"{" C ", \"value\": @\"\"}", ".value",
     "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1"},
    {"{" C ", \"value\": @\"$$request.a\"}", ".value",
     "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1"},
    {"{" C ", \"value\": @null}", ".value",
     "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1"},
    {"{" H ", \"when\": {\"log\": {\"a\": \"b\"}}, \"value\": @\"duration\"}", ".value",
     "\"duration\" is known of requests only"},
    {"{" G ", \"when\": {\"connection\": {}}, \"value\": @\"in_progress\"}", ".value",
     "\"in_progress\" is known of requests only"},
    {"{" G ", \"value\": @\"open\"}", ".value", "\"open\" is known of connections only"},
    {"{" G ", \"when\": {\"redis\": \"INFO\"}, \"value\": @\"open\"}", ".value",
     "\"open\" is known of connections only"},
    {"{" C ", \"value\": @\"in_progress\"}", ".value", "\"in_progress\" is for gauges only"},
    {"{" H ", \"when\": {\"connection\": {}}, \"value\": @\"open\"}", ".value", "\"open\" is for gauges only"},
    {"{" G ", \"value\": @\"$status\"}", ".value", "$status is no number to count"},
    {"{" G ", \"value\": @\"$method\"}", ".value", "$method is no number to count"},
    {"{" G ", \"value\": @\"$log.bytes\"}", ".value", "a request has no $log"},
    {"{" G ", \"value\": @\"$info.used_memory\"}", ".value", "a request has no $info"},
    {"{" G ", \"when\": {\"redis\": \"INFO\"}, \"value\": @\"$info.\"}", ".value",
     "\"\" is no name of a field of INFO"},
    {"{" G ", \"when\": {\"redis\": \"INFO\"}, \"value\": @\"$info.used memory\"}", ".value",
     "\"used memory\" is no name of a field of INFO"},

    /* when */
    {"{" C ", \"when\": @[]}", ".when", "must be an object, as {\"path\": \"/tasks\"}"},
    {"{" C ", \"when\": {@\"url\": 1}}", ".when.url",
     "this key is not known; allowed: method, path, host, status, header, response_header, request, response, "
     "direction, log, connection, redis"},
    {"{" C ", \"when\": {\"method\": @7}}", ".when.method", "must be a method, as \"POST\", or a list of them"},
    {"{" C ", \"when\": {\"method\": @[]}}", ".when.method", "the list is empty"},
    {"{" C ", \"when\": {\"method\": [\"GET\", @[\"PUT\"]]}}", ".when.method[1]",
     "must be a method, as \"POST\", or a list of them"},
    {"{" C ", \"when\": {\"method\": @\"post\"}}", ".when.method",
     "\"post\" is no known method; those in capitals are, and OTHER for all the rest"},
    {"{" C ", \"when\": {\"method\": [\"GET\", \"PUT\", @\"GET\"]}}", ".when.method[2]",
     "\"GET\" is there already"},
    {"{" C ", \"when\": {\"path\": @\"tasks\"}}", ".when.path",
     "\"tasks\" is no path: must begin with '/', at byte 1"},
    {"{" C ", \"when\": {\"path\": @\"/tasks/{id\"}}", ".when.path",
     "\"/tasks/{id\" is no path: '{' without '}', at byte 8"},
    {"{" C ", \"when\": {\"path\": @\"/" X128 "\"}}", ".when.path",
     "\"/" X32 X8 X8 X8 "xxxxxxx...\" is no path: longer than 128 bytes, at byte 129"},
    {"{" C ", \"when\": {\"path\": @[\"/a\", \"/b\"]}}", ".when.path", "must be a path, as \"/users/{id}\""},
    {"{" C ", \"when\": {\"host\": @[\"a\"]}}", ".when.host", "must be a text, a number, true or false"},
    {"{" C ", \"when\": {\"host\": @null}}", ".when.host", "must be a text, a number, true or false"},
    {"{" C ", \"when\": {\"host\": @\"" X128 "x\"}}", ".when.host",
     "longer than 128 bytes, so nothing is like it"},
    {"{" C ", \"when\": {\"status\": @\"1xx\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @\"2XX\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @2}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @600}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @200.0}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @\"20\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @\"20x\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @\"2000\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": @\"2x0\"}}", ".when.status",
     "must be a status from 200 to 599, or a class of them, as \"2xx\""},
    {"{" C ", \"when\": {\"status\": [201, 202, @\"201\"]}}", ".when.status[2]", "this status is there already"},
    {"{" C ", \"when\": {\"status\": [200,201,202,203,204,205,206,207,@208]}}", ".when.status[8]",
     "more than 8 statuses"},
    {"{" C ", \"when\": {\"header\": @{}}}", ".when.header",
     "must be an object of fields, as {\"name\": \"value\"}"},
    {"{" C ", \"when\": {\"header\": @\"a: b\"}}", ".when.header",
     "must be an object of fields, as {\"name\": \"value\"}"},
    {"{" C ", \"when\": {\"header\": {\"X-A:\": @\"b\"}}}",
     ".when.header.X-A:", "\"X-A:\" is no name of a header field"},
    {"{" C ", \"when\": {\"header\": {\"x" X64 "\": @\"b\"}}}", ".when.header.x" X64,
     "a header field's name of more than 64 bytes"},
    {"{" C ", \"when\": {\"header\": {\"X-A\": @{}}}}", ".when.header.X-A",
     "must be a text, a number, true or false"},
    {"{" C ", \"when\": {\"request\": {\"a..b\": @\"b\"}}}", ".when.request[\"a..b\"]",
     "\"a..b\" is no path of a field: a key is missing, at byte 3"},
    {"{" C ", \"when\": {\"request\": {\"a\": 1, \"b\": @null}}}", ".when.request.b",
     "must be a text, a number, true or false"},
    {"{" C ", \"when\": {\"response\": @5}}", ".when.response",
     "must be an object of fields, as {\"name\": \"value\"}"},
    {"{" C ", \"when\": {\"log\": @{}}}", ".when.log", "must be an object of fields, as {\"name\": \"value\"}"},
    {"{" C ", \"when\": {\"log\": {\"a\": \"1\"}, @\"method\": \"GET\"}}", ".when.method",
     "does not go together with \"log\""},
    {"{" C ", \"when\": {@\"direction\": \"in\", \"log\": {\"a\": \"1\"}}}", ".when.direction",
     "does not go together with \"log\""},
    {"{" C ", \"when\": {@\"log\": {\"a\": \"1\"}, \"redis\": \"INFO\"}}", ".when.log",
     "does not go together with \"redis\""},
    {"{" C ", \"when\": {\"connection\": {}, @\"log\": {\"a\": \"1\"}}}", ".when.log",
     "does not go together with \"connection\""},
    {"{" C ", \"when\": {\"direction\": @\"out\"}}", ".when.direction", "outbound requests are not followed yet"},
    {"{" C ", \"when\": {\"direction\": @\"both\"}}", ".when.direction", "must be \"in\""},
    {"{" C ", \"when\": {\"connection\": @\"redis\"}}", ".when.connection",
     "must be an object, as {\"protocol\": \"redis\"}"},
    {"{" C ", \"when\": {\"connection\": {@\"host\": \"a\"}}}", ".when.connection.host",
     "this key is not known; allowed: protocol, address, port"},
    {"{" C ", \"when\": {\"connection\": {\"protocol\": @\"sql\"}}}", ".when.connection.protocol",
     "must be one of: postgresql, mysql, redis, http, tls"},
    {"{" C ", \"when\": {\"connection\": {\"protocol\": @\"\"}}}", ".when.connection.protocol",
     "must be one of: postgresql, mysql, redis, http, tls"},
    {"{" C ", \"when\": {\"connection\": {\"port\": @0}}}", ".when.connection.port",
     "must be a number from 1 to 65535, or a list of them"},
    {"{" C ", \"when\": {\"connection\": {\"port\": [1, @65536]}}}", ".when.connection.port[1]",
     "must be a number from 1 to 65535, or a list of them"},
    {"{" C ", \"when\": {\"connection\": {\"port\": @\"80\"}}}", ".when.connection.port",
     "must be a number from 1 to 65535, or a list of them"},
    {"{" C ", \"when\": {\"connection\": {\"port\": [80, @80]}}}", ".when.connection.port[1]",
     "this port is there already"},
    {"{" C ", \"when\": {\"connection\": {\"port\": [1,2,3,4,5,6,7,8,@9]}}}", ".when.connection.port[8]",
     "more than 8 ports"},
    {"{" C ", \"when\": {\"redis\": @\"info\"}}", ".when.redis", "must be \"INFO\""},
    {"{" C ", \"when\": {\"redis\": @true}}", ".when.redis", "must be \"INFO\""},
    {"{" C ", \"when\": {\"redis\": \"INFO\", \"connection\": {\"protocol\": @\"mysql\"}}}",
     ".when.connection.protocol", "INFO is asked of redis only"},

    /* in progress */
    {"{" G ", \"value\": \"in_progress\", \"when\": {@\"status\": 200}}", ".when.status",
     "is not known while a request is in progress"},
    {"{" G ", \"value\": \"in_progress\", \"when\": {@\"response\": {\"a\": 1}}}", ".when.response",
     "is not known while a request is in progress"},
    {"{" G ", \"value\": \"in_progress\", \"when\": {@\"response_header\": {\"a\": 1}}}", ".when.response_header",
     "is not known while a request is in progress"},
    {"{" G ", \"value\": \"in_progress\", \"labels\": {\"a\": @\"$status\"}}", ".labels.a",
     "$status is not known while a request is in progress"},
    {"{" G ", \"value\": \"in_progress\", \"labels\": {\"a\": @\"$response.a\"}}", ".labels.a",
     "$response is not known while a request is in progress"},

    /* labels */
    {"{" C ", \"labels\": @[\"a\"]}", ".labels", "must be an object, as {\"priority\": \"$request.priority\"}"},
    {"{" C ", \"labels\": {@\"a-b\": \"x\"}}", ".labels.a-b", "a label's name is made of letters, digits and _"},
    {"{" C ", \"labels\": {@\"1a\": \"x\"}}", ".labels.1a", "a label's name is made of letters, digits and _"},
    {"{" C ", \"labels\": {@\"x" X64 "\": \"x\"}}", ".labels.x" X64, "a label's name of more than 64 bytes"},
    {"{" C ", \"labels\": {@\"__a\": \"x\"}}", ".labels.__a", "\"__a\" is Prometheus' own label"},
    {"{" C ", \"labels\": {@\"le\": \"x\"}}", ".labels.le", "\"le\" is Prometheus' own label"},
    {"{" C ", \"labels\": {\"a\":\"x\",\"b\":\"x\",\"c\":\"x\",\"d\":\"x\",\"e\":\"x\",\"f\":\"x\",@\"g\":\"x\"}}",
     ".labels.g", "more than 6 labels"},
    {"{" C ", \"labels\": {\"a\": @5}}", ".labels.a", "must be a text, or a reference as \"$status\""},
    {"{" C ", \"labels\": {\"a\": @\"\"}}", ".labels.a", "must be a text, or a reference as \"$status\""},
    {"{" C ", \"labels\": {\"a\": @\"" X64 "x\"}}", ".labels.a", "longer than 64 bytes"},
    {"{" C ", \"labels\": {\"a\": @\"$\"}}", ".labels.a",
     "\"$\" is no reference; a text that begins with $ is written $$..."},
    {"{" C ", \"labels\": {\"a\": @\"$nothing.b\"}}", ".labels.a",
     "\"$nothing.b\" is no reference; a text that begins with $ is written $$..."},
    {"{" C ", \"labels\": {\"a\": @\"$Status\"}}", ".labels.a",
     "\"$Status\" is no reference; a text that begins with $ is written $$..."},
    {"{" C ", \"labels\": {\"a\": @\"$status.x\"}}", ".labels.a", "$status has no parts"},
    {"{" C ", \"labels\": {\"a\": @\"$status[0]\"}}", ".labels.a", "$status has no parts"},
    {"{" C ", \"labels\": {\"a\": @\"$header\"}}", ".labels.a", "$header needs a name, as $header.NAME"},
    {"{" C ", \"labels\": {\"a\": @\"$header[0]\"}}", ".labels.a", "$header needs a name, as $header.NAME"},
    {"{" C ", \"labels\": {\"a\": @\"$header.\"}}", ".labels.a", "\"\" is no name of a header field"},
    {"{" C ", \"labels\": {\"a\": @\"$request\"}}", ".labels.a", "$request needs a name, as $request.NAME"},
    {"{" C ", \"labels\": {\"a\": @\"$request.\"}}", ".labels.a",
     "\"\" is no path of a field: the path is empty, at byte 1"},
    {"{" C ", \"labels\": {\"a\": @\"$request[x]\"}}", ".labels.a",
     "\"[x]\" is no path of a field: an index is a number, a key is in quotes, at byte 2"},
    {"{" C ", \"labels\": {\"a\": @\"$path.id\"}}", ".labels.a", "the rule's path has no {id}"},
    {"{" C ", \"when\": {\"path\": \"/{a}\"}, \"labels\": {\"a\": @\"$path.b\"}}", ".labels.a",
     "the rule's path has no {b}"},
    {"{" C ", \"labels\": {\"a\": @\"$port\"}}", ".labels.a", "a request has no $port"},
    {"{" C ", \"labels\": {\"a\": @\"$address\"}}", ".labels.a", "a request has no $address"},
    {"{" C ", \"when\": {\"log\": {\"a\": \"1\"}}, \"labels\": {\"a\": @\"$status\"}}", ".labels.a",
     "a log line has no $status"},
    {"{" C ", \"when\": {\"connection\": {}}, \"labels\": {\"a\": @\"$method\"}}", ".labels.a",
     "a connection has no $method"},
    {"@{" C ", \"when\": {\"redis\": \"INFO\"}}", "",
     "\"value\" is missing: a field of INFO, as \"$info.used_memory\""},
    {"{" C ", \"when\": {\"redis\": \"INFO\"}, \"value\": @1}", ".value",
     "\"value\" is missing: a field of INFO, as \"$info.used_memory\""},
    {"{" C ", \"when\": {\"redis\": \"INFO\"}, \"value\": \"$info.x\", \"labels\": {\"a\": @\"$info.role\"}}",
     ".labels.a", "$info is for values only"},
    {"{" C ", \"when\": {\"redis\": \"INFO\"}, \"value\": \"$info.x\", \"labels\": {\"a\": @\"$log.role\"}}",
     ".labels.a", "an answer to INFO has no $log"},

    /* body_limit */
    {"{" C ", \"labels\": {\"a\": \"$request.a\"}, \"body_limit\": @0}", ".body_limit",
     "must be bytes, from 1 to 1048576"},
    {"{" C ", \"labels\": {\"a\": \"$request.a\"}, \"body_limit\": @1048577}", ".body_limit",
     "must be bytes, from 1 to 1048576"},
    {"{" C ", \"labels\": {\"a\": \"$request.a\"}, \"body_limit\": @\"64K\"}", ".body_limit",
     "must be bytes, from 1 to 1048576"},
    {"{" C ", @\"body_limit\": 100}", ".body_limit", "the rule does not look into bodies"},
    {"{" C ", \"when\": {\"log\": {\"a\": 1}}, @\"body_limit\": 100}", ".body_limit",
     "the rule does not look into bodies"},

    /* the metric of the rule before: first_total, a counter with label x */
    {"{\"metric\": @\"first\", \"type\": \"gauge\", \"value\": \"in_progress\"}", ".metric",
     "the name would be mixed up with that of \"first_total\""},
    {"{\"metric\": \"first_total\", \"type\": \"counter\", \"labels\": @{\"y\": \"1\"}}", ".labels",
     "another rule of this metric has other labels, or the same in another order"},
    {"@{\"metric\": \"first_total\", \"type\": \"counter\"}", "",
     "another rule of this metric has other labels, or the same in another order"},
    {"{\"metric\": \"first_total\", \"type\": \"counter\", \"value\": @\"duration\", \"labels\": {\"x\": \"1\"}}",
     ".value", "another rule of this metric has other kinds of values"},
    {"{\"metric\": \"first_total\", \"type\": \"counter\", \"help\": @\"Else.\", \"labels\": {\"x\": \"1\"}}",
     ".help", "another rule of this metric has other help"},
    {"@{\"metric\": \"errors_total\", \"type\": \"counter\"}", "",
     "the labels of errors_total are error_type and component, in this order"},
    {"@{\"metric\": \"errors_total\", \"type\": \"counter\", \"labels\": {\"component\": \"a\", \"error_type\": "
     "\"b\"}}",
     "", "the labels of errors_total are error_type and component, in this order"},
};

static void test_each_error_has_its_place(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[2048], expected[2048], *at;
        unsigned line = 1, column = 1;

        snprintf(text, sizeof(text),
                 "{\n \"rules\": [\n{\"metric\": \"first_total\", \"type\": \"counter\", \"help\": \"Some.\", "
                 "\"labels\": {\"x\": \"1\"}},\n  %s,\n{\"metric\": \"last_total\", \"type\": \"counter\"}]\n}",
                 bad[i].rule);
        at = strchr(text, '@');
        if (!at || strchr(at + 1, '@'))
            fail_msg("one @: %s", bad[i].rule);
        for (char *p = text; p < at; p++) {
            column = *p == '\n' ? 1 : column + 1;
            line += *p == '\n';
        }
        memmove(at, at + 1, strlen(at));
        snprintf(expected, sizeof(expected),
                 "octoshim: f.json: line %u, column %u: rules[1]%s: %s; the rule is left out\n", line, column,
                 bad[i].where, bad[i].why);
        rig_read(text);
        if (strcmp(rig_complaints, expected) != 0)
            fail_msg("%s\nwanted: %s\n   got: %s", bad[i].rule, expected, rig_complaints);
        /* The others are as if it were not there. */
        assert_int_equal(octo_rules.count, 2);
        assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 3);
        assert_int_equal(octo_rules.request_headers + octo_rules.response_headers, 0);
        assert_int_equal(octo_rules.request.paths + octo_rules.response.paths + octo_rules.log.paths, 0);
        assert_int_equal(octo_rules.body_limit, OCTO_RULE_BODY_USUAL);
        assert_int_equal(atomic_load(&rig_metrics->families), 2);
        assert_string_equal(rig_metrics->family[octo_rules.rule[1].family].name, "last_total");
    }
}

static void test_what_is_no_list(void **state)
{
    (void)state;
    rig_read("{\"rules\":\n {\"metric\": 1}}");
    assert_string_equal(rig_complaints,
                        "octoshim: f.json: line 2, column 2: rules: must be a list of rules; there are none\n");
    assert_int_equal(octo_rules.count, 0);
    rig_read("{\"rules\": []}");
    assert_string_equal(rig_complaints, "");
    assert_int_equal(octo_rules.count, 0);
    assert_int_equal(octo_rules.body_limit, OCTO_RULE_BODY_USUAL);
}

/* A stranger's bytes do not reach the terminal, and nothing is too long for a line. */
static void test_what_is_shown(void **state)
{
    static char text[40000];
    char key[8001];

    (void)state;
    memset(key, 'k', 8000);
    key[8000] = '\0';
    snprintf(text, sizeof(text), "{\"rules\": [{\"a\\u001b[1m\xc3\xa9\": 1}, {\"%s\": 1}, {\"metric\": \"%s\"}]}",
             key, key);
    rig_read(text);
    assert_int_equal(rig_lines(), 3);
    assert_non_null(strstr(rig_complaints, "column 13: rules[0][\"a?[1m??\"]: this key is not known"));
    assert_non_null(strstr(rig_complaints, "column 33: rules[1]: this key is not known"));
    for (const char *p = rig_complaints; *p != '\0'; p++)
        assert_true((*p >= ' ' && *p <= '~') || *p == '\n');
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_error_has_its_place),
        cmocka_unit_test(test_what_is_no_list),
        cmocka_unit_test(test_what_is_shown),
    };

    return cmocka_run_group_tests_name("rules_errors", tests, NULL, NULL);
}
