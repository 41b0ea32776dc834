#!/bin/sh
# The routes of Apache and lighttpd that are no files: the shell runs preloaded too, and must not notice. Every answer
# tells its length: without it the server chunks, or not, as time has it.
answer()
{
    printf 'Status: %s\r\nContent-Type: text/plain\r\nContent-Length: %s\r\n\r\n%s' "$1" "${#2}" "$2"
}

end='
'
case $PATH_INFO in
/id) answer '200 OK' "${HTTP_X_REQUEST_ID:-none}$end" ;;
/echo) answer '200 OK' "$(head -c "$CONTENT_LENGTH")" ;; # all of it first: the server writes before it reads
/slow) sleep 0.3; answer '200 OK' "late$end" ;;
*) answer '500 Broken' "broken$end" ;;
esac
