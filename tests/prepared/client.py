"""What stands for the program `lambent`: it has a process of the server's do the work, and ends as that does.

Run as `python -I -S client.py SOCKET ARGUMENTS...`; it imports little, so it starts in a fiftieth of a second.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(sys.argv[1])
    # It is told of what would end this process; what cannot be told, it sees by the end of the connection.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    words = {"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109, TID251 - see above
    text = json.dumps(words).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    answer = server.recv(2)
    if not answer:
        sys.exit("the server of `lambent` has ended")
    code = int.from_bytes(answer, "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
