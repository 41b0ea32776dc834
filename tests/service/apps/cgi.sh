#!/bin/sh
# The routes of Apache and lighttpd that are no files: the shell runs preloaded too, and must not notice.
case $PATH_INFO in
/id) printf 'Content-Type: text/plain\r\n\r\n%s\n' "${HTTP_X_REQUEST_ID:-none}" ;;
/echo) body=$(head -c "$CONTENT_LENGTH") # all of it first: the server writes before it reads
    printf 'Content-Type: application/octet-stream\r\nContent-Length: %s\r\n\r\n%s' "$CONTENT_LENGTH" "$body" ;;
/slow) sleep 0.3; printf 'Content-Type: text/plain\r\n\r\nlate\n' ;;
*) printf 'Status: 500 Broken\r\nContent-Type: text/plain\r\n\r\nbroken\n' ;;
esac
