"""The script of an environment that is executed rather than forked: it stands at /var/runtime/bootstrap.py."""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "_guest"))
    from lambent.guest import runtime

    del sys.path[0]
    runtime.main()
