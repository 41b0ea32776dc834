"""One connection of an inetd-style service: the socket is standard input and output."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from threading_server import Handler  # noqa: E402

with socket.socket(fileno=os.dup(0)) as connection:
    Handler(connection, ("inetd", 0), None)
