"""The script of an environment whose runtime the function brings: it stands at /var/runtime/custom.py."""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "_guest"))
    from lambent.guest import custom_runtime

    custom_runtime.main()
