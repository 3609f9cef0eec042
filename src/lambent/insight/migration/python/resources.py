"""Connections, clients, threads and processes that a request makes for itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lambent.insight.migration.python.reach import Reached
from lambent.insight.migration.python.state import State

_CONNECTIONS = re.compile(
    r"(psycopg2?|pymysql|MySQLdb|mysql\.connector|pymssql|pyodbc|cx_Oracle|oracledb|mariadb|redshift_connector|snowflake"
    r"\.connector|ibm_db|asyncpg|aiomysql|aiopg|pg8000|clickhouse_driver|trino\.dbapi|vertica_python|jaydebeapi)"
    r"(\.[a-z_]+)*\.(connect|Connect|create_pool|Connection|AsyncConnection\.connect|connect_async)\Z"
    r"|(redis|redis\.asyncio|rediscluster|valkey|aioredis)(\.[a-z]+)*\.(Redis|StrictRedis|RedisCluster|from_url|"
    r"Redis\.from_url|Valkey|create_redis_pool|ConnectionPool)\Z"
    r"|(pymongo(\.[a-z_]+)*\.(MongoClient|AsyncMongoClient)|motor\.[a-z_]+\.[A-Za-z]*Client)\Z"
    r"|sqlalchemy(\.[a-z.]+)?\.(create_engine|create_async_engine)\Z"
    r"|(pymemcache(\.[a-z.]+)?\.(Client|PooledClient|HashClient)|memcache\.Client|pylibmc\.Client)\Z"
    r"|(socket\.(socket|create_connection)|smtplib\.SMTP(_SSL)?|ftplib\.FTP(_TLS)?|paramiko\.(SSHClient|Transport)|"
    r"http\.client\.HTTPS?Connection|websocket\.create_connection|websockets\.connect|pika\.BlockingConnection|"
    r"kafka\.Kafka(Producer|Consumer)|confluent_kafka\.(Producer|Consumer)|stomp\.Connection|nats\.connect|"
    r"cassandra\.cluster\.Cluster|neo4j\.GraphDatabase\.driver|grpc\.(secure|insecure)_channel|ldap3\.Connection|"
    r"elasticsearch\.Elasticsearch|opensearchpy\.OpenSearch|imaplib\.IMAP4(_SSL)?|influxdb_client\.InfluxDBClient|"
    r"paho\.mqtt\.client\.Client|pysftp\.Connection|psycopg_pool\.(Async)?ConnectionPool)\Z"
)
_CLIENTS = re.compile(
    r"(boto3(\.(session\.)?Session\(\))?\.(client|resource)|boto3\.(session\.)?Session|aioboto3\.Session|"
    r"botocore\.session\.(get_session|Session)|(aiobotocore\.session\.)?get_session\(\)\.create_client|"
    r"botocore\.session\.[a-zA-Z_]+\(\)\.create_client)\Z"
    r"|(requests\.([a-z]+\.)?([Ss]ession)|httpx\.(Async)?Client|aiohttp\.ClientSession|urllib3\.PoolManager|"
    r"requests_futures\.sessions\.FuturesSession|google\.cloud\.[a-z_]+\.Client|"
    r"stripe\.StripeClient|slack_sdk\.WebClient|twilio\.rest\.Client)\Z"
)
# Each of these opens a connection, and closes it.
_UNKEPT = re.compile(
    r"(requests|httpx)\.(get|post|put|patch|delete|head|options|request|stream)\Z|requests\.api\.\w+\Z"
)
_THREADS = re.compile(
    r"(threading\.(Thread|Timer)|_thread\.start_new_thread|concurrent\.futures(\.thread|\.process)?\."
    r"(ThreadPoolExecutor|ProcessPoolExecutor)|multiprocessing(\.[a-z]+)*\.(Process|Pool|ThreadPool)|"
    r"multiprocessing\.get_context\(\)\.(Process|Pool)|joblib\.Parallel)\Z"
)
_STARTED = re.compile(
    r"concurrent\.futures(\.thread|\.process)?\.(Thread|Process)PoolExecutor\(\)\.submit\Z|"
    r"(threading\.(Thread|Timer)|multiprocessing\.(Process|get_context\(\)\.Process))\Z|"
    r"(asyncio\.(create_task|ensure_future)|_thread\.start_new_thread|asyncio\.get_event_loop\(\)\.create_task)\Z"
)
_KEPT_BY = frozenset({"lru_cache", "cache", "cached_property", "singleton", "cached"})


def made(here: Reached) -> Iterator[State]:
    """Yield what a function that runs for a request opens, makes and starts."""
    kept = _is_kept(here)
    parents = {id(child): node for node in here.scope.body for child in ast.iter_child_nodes(node)}
    for node in here.scope.body:
        if not isinstance(node, ast.Call):
            continue
        name = here.scope.full_name(node.func)
        if not name:
            continue
        if not kept and not _is_made_once(node, parents, here):
            yield from _opened(node, name)
        yield from _started(node, name, parents, here)


def _opened(node: ast.Call, name: str) -> Iterator[State]:
    shown = name.replace("()", "")
    if _CONNECTIONS.match(name):
        yield State("connection-per-request", f"{shown} opens a connection for each request", node)
    elif _CLIENTS.match(name):
        yield State("client-per-request", f"{shown} makes a client for each request", node)
    elif _UNKEPT.match(name):
        what = f"{shown} opens a connection for each request, and keeps none"
        yield State("client-per-request", what, node, "Call it on a session that is made once at module level.")


def _started(node: ast.Call, name: str, parents: dict[int, ast.AST], here: Reached) -> Iterator[State]:
    shown = name.replace("()", "")
    if _STARTED.match(name) and not _is_awaited(node, parents, here):
        yield State("background-work", f"{shown} starts work that nothing waits for before the answer", node)
    elif name.startswith("subprocess.Popen") and not _is_awaited(node, parents, here):
        yield State("background-work", "subprocess.Popen starts a program that nothing waits for", node)
    elif _THREADS.match(name):
        is_pool = "Pool" in name or "Executor" in name
        if is_pool and not _is_awaited(node, parents, here) and not isinstance(parents.get(id(node)), ast.withitem):
            yield State("background-work", f"{shown} is not shut down before the answer", node)
        else:
            yield State("threads", f"{shown} starts threads or processes for each request that runs", node)


def _is_kept(here: Reached) -> bool:
    """Return whether the function's answer is kept, or it runs once for an object that is."""
    node = here.function.node
    if isinstance(node, ast.Lambda):
        return False
    for one in node.decorator_list:
        named = one.func if isinstance(one, ast.Call) else one
        if (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")) in _KEPT_BY:
            return True
    return False


def _is_made_once(node: ast.AST, parents: dict[int, ast.AST], here: Reached) -> bool:
    """Return whether what is made is kept beyond the request: by a name of the module, or an object that is shared."""
    parent = parents.get(id(node))
    inner = node
    while parent is not None:
        match parent:
            case ast.Assign(targets=targets):
                return any(_outlives(one, here) for one in targets) or _is_kept_later(targets, here)
            case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
                return _outlives(target, here) or _is_kept_later([target], here)
            case ast.Call(func=ast.Attribute(attr="setdefault")):
                return True
            case ast.expr() | ast.keyword() if parent is not inner:
                inner, parent = parent, parents.get(id(parent))
            case _:
                return False
    return False


def _outlives(target: ast.expr, here: Reached) -> bool:
    if isinstance(target, ast.Name):
        return target.id in here.scope.globals
    if isinstance(target, ast.Attribute):
        if isinstance(target.value, ast.Name) and target.value.id == here.scope.receiver:
            return here.is_shared or _has_class_receiver(here)
        return here.scope.meaning_of(target.value) is not None
    if isinstance(target, ast.Subscript):
        return _outlives(target.value, here) or (
            isinstance(target.value, ast.Name | ast.Attribute) and here.scope.meaning_of(target.value) is not None
        )
    return False


def _has_class_receiver(here: Reached) -> bool:
    node = here.function.node
    return not isinstance(node, ast.Lambda) and any(
        isinstance(one, ast.Name) and one.id == "classmethod" for one in node.decorator_list
    )


def _is_kept_later(targets: list[ast.expr], here: Reached) -> bool:
    """Return whether a local name is put where it outlives the request: `client = …; CLIENTS[region] = client`."""
    names = {one.id for one in targets if isinstance(one, ast.Name)}
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and any(_outlives(one, here) for one in node.targets)
        for node in here.scope.body
    )


def _is_awaited(node: ast.Call, parents: dict[int, ast.AST], here: Reached) -> bool:
    """Return whether something waits for what was started: join, result, gather, communicate, or a `with` around it."""
    parent = parents.get(id(node))
    if isinstance(parent, ast.Await | ast.withitem | ast.Return):
        return True
    waits = {
        "join",
        "result",
        "wait",
        "communicate",
        "shutdown",
        "cancel",
        "gather",
        "as_completed",
        "wait_for",
        "poll",
    }
    for one in here.scope.body:
        if isinstance(one, ast.Call):
            name = one.func.attr if isinstance(one.func, ast.Attribute) else getattr(one.func, "id", "")
            is_text = isinstance(one.func, ast.Attribute) and isinstance(one.func.value, ast.Constant | ast.JoinedStr)
            is_path = here.scope.full_name(one.func).startswith("os.path")
            if name in waits and not is_text and not is_path:
                return True
        if isinstance(one, ast.Await) and isinstance(one.value, ast.Name):
            return True
    return False
