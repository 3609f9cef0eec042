"""Functions with a planted hazard, and without: each as the file of its handler."""

from __future__ import annotations

from textwrap import dedent


def _handler(body: str) -> str:
    return dedent(body)


HAZARDS = {
    "file race": _handler("""
        import json, time
        def handler(event, context):
            with open("/tmp/request.json", "w") as file:
                json.dump(event, file)
            time.sleep(0.02)
            with open("/tmp/request.json") as file:
                return {"statusCode": 200, "body": json.dumps({"user": json.load(file)["user"], "at": time.time()})}
    """),
    "request id mix-up": _handler("""
        import os, time
        def handler(event, context):
            os.makedirs("/tmp/state", exist_ok=True)
            with open("/tmp/state/current", "w") as file:
                file.write(context.aws_request_id)
            time.sleep(0.02)
            with open("/tmp/state/current") as file:
                return {"handled": file.read()}
    """),
    "counter file": _handler("""
        import os, time
        def handler(event, context):
            count = int(open("/tmp/count").read()) if os.path.exists("/tmp/count") else 0
            time.sleep(0.01)
            with open("/tmp/count", "w") as file:
                file.write(str(count + 1))
            return {"count": count + 1}
    """),
    "module state": _handler("""
        seen = []
        def handler(event, context):
            seen.append(event["user"])
            return {"users": seen}
    """),
    "crash beside others": _handler("""
        import os, time
        def handler(event, context):
            if os.path.exists("/tmp/busy"):
                os._exit(3)
            open("/tmp/busy", "w").close()
            time.sleep(0.03)
            os.remove("/tmp/busy")
            return event
    """),
    "download on first use": _handler("""
        import os, time
        def handler(event, context):
            if not os.path.exists("/tmp/model"):
                with open("/tmp/model", "w") as file:
                    for _ in range(10):
                        file.write("x" * 10)
                        file.flush()
                        time.sleep(0.004)
            with open("/tmp/model") as file:
                return {"user": event["user"], "size": len(file.read())}
    """),
    "program that writes": _handler("""
        import subprocess, time
        def handler(event, context):
            subprocess.run(["sh", "-c", 'printf %s "$0" > /tmp/out.txt', event["user"]], check=True)
            time.sleep(0.02)
            return subprocess.run(["cat", "/tmp/out.txt"], capture_output=True, text=True, check=True).stdout
    """),
    "only on Managed Instances": _handler("""
        def handler(event, context):
            if context.function_version != "$LATEST":
                raise RuntimeError("not here")
            return event
    """),
}

CLEAN = {
    "computes": _handler("""
        import hashlib
        def handler(event, context):
            digest = event["user"].encode()
            for _ in range(5000):
                digest = hashlib.sha256(digest).digest()
            return digest.hex()
    """),
    "waits": _handler("""
        import time
        def handler(event, context):
            time.sleep(0.02)
            return {"statusCode": 200, "body": "hello " + event["user"]}
    """),
    "files of its own, and a lock": _handler("""
        import fcntl, json, os, tempfile, time
        def handler(event, context):
            own = f"/tmp/{context.aws_request_id}.json"
            with open(own, "w") as file:
                json.dump(event, file)
            with tempfile.NamedTemporaryFile("w") as other:
                other.write("x")
                time.sleep(0.01)
            with open("/tmp/lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with open("/tmp/last", "w") as file:
                    file.write(event["user"])
                with open("/tmp/last") as file:
                    assert file.read() == event["user"]
            with open(own) as file:
                answer = json.load(file)
            os.remove(own)
            return answer
    """),
    "times and ids": _handler("""
        import datetime, os, random, time, uuid
        boot = str(uuid.uuid4())
        def handler(event, context):
            began = time.time()
            time.sleep(random.random() / 200)
            now = datetime.datetime.now()
            return {
                "user": event["user"], "now": now.isoformat(), "epoch": int(time.time()), "id": str(uuid.uuid4()),
                "boot": boot, "pid": os.getpid(), "took_ms": int((time.time() - began) * 1000),
                "memory": context.memory_limit_in_mb, "text": f"Done {event['user']} at {now:%H:%M:%S}",
                "request": context.aws_request_id, "log": context.log_stream_name, "dice": random.randint(1, 6),
                "left": context.get_remaining_time_in_millis(),
            }
    """),
}

RANDOM = _handler("""
    import random
    def handler(event, context):
        return random.random()
""")
FAILING = _handler("""
    def handler(event, context):
        raise ValueError(event["user"])
""")
COLD_START_FLAG = _handler("""
    is_cold = True
    def handler(event, context):
        global is_cold
        was, is_cold = is_cold, False
        return {"user": event["user"], "cold": was}
""")
GREEDY = _handler("""
    import time
    def handler(event, context):
        taken = b"x" * (48 << 20)
        time.sleep(0.01)
        return len(taken)
""")
KEEPING = _handler("""
    kept = []
    def handler(event, context):
        kept.append(b"x" * 200_000)
        return event
""")
NODE_STATE = _handler("""
    import fs from "node:fs/promises";
    let current;
    export const handler = async (event) => {
      current = event.user;
      await fs.writeFile("/tmp/current", event.user);
      await new Promise((done) => setTimeout(done, 15));
      return { hello: current };
    };
""")
MANIFEST = """
stack: shop
functions:
  orders:
    runtime: python3.13
    code: src
    handler: handler.handler
    memory: 1769
    timeout: 10s
    environment: {TABLE: "${tables.orders}"}
    permissions:
      - {read: orders, write: orders}
tables:
  orders: {key: id}
"""
WITH_TABLE = _handler("""
    import os
    import boto3
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    def handler(event, context):
        table.put_item(Item=event)
        return os.environ["GREETING"] + " " + table.get_item(Key=event)["Item"]["id"]
""")
