"""A platform that is given objects and says, line by line, what a power cut may not undo.

    python object_workload.py DIRECTORY OBJECTS

    kept KEY MD5    the object was put, or copied, and answered with 200

Some are small and stand in the database, others in files; some are removed again, which it says nothing of.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lambent.testing.platform import local_platform
from tests.durability.workload import say

CLIENTS = 4


def main(directory: Path, objects: int) -> None:
    """Put the objects, and copies of those in files."""
    with local_platform(data_dir=directory) as platform:
        s3 = platform.client("s3")
        s3.create_bucket(Bucket="kept")

        def put(number: int) -> None:
            body = f"{number} ".encode() * (20 if number % 2 else 4000)
            etag = s3.put_object(Bucket="kept", Key=f"put-{number}", Body=body)["ETag"]
            say(f"kept put-{number} {etag}")
            if number % 4 == 0:
                s3.copy_object(Bucket="kept", Key=f"copy-{number}", CopySource=f"kept/put-{number}")
                say(f"kept copy-{number} {etag}")
                s3.put_object(Bucket="kept", Key=f"gone-{number}", Body=body)
                s3.delete_object(Bucket="kept", Key=f"gone-{number}")

        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(put, range(objects)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)
