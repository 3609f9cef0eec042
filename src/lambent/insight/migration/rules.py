"""The rules of a migration by name: how much each matters, what it is about, what to do, and where AWS says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.insight.migration.findings import FindingSeverity

_B, _H, _A = FindingSeverity.BLOCKER, FindingSeverity.HAZARD, FindingSeverity.ADVICE
_DG = "https://docs.aws.amazon.com/lambda/latest/dg/"
_MI = _DG + "lambda-managed-instances"


@dataclass(frozen=True, slots=True)
class MigrationRule:
    """A rule: its stable name, how much it matters, what it says, what to do, and AWS's page about it."""

    name: str
    severity: FindingSeverity
    title: str
    remedy: str
    source: str


_ALL = (
    # Settings
    MigrationRule("runtime", _B, "Managed Instances run Python 3.13, Node.js 22, Java 21, .NET 8 and later, and Rust on provided.al2023.", "Take a runtime of that list, and test the code with it.", _MI + "-runtimes.html"),
    MigrationRule("image", _B, "Whether container images run on Managed Instances is not documented.", "Package the function as a zip.", _MI + ".html"),
    MigrationRule("memory", _B, "On Managed Instances a function has 2,048 to 32,768 MB, a multiple of one vCPU's share.", "Take the memory that is recommended.", _MI + "-quotas.html"),
    MigrationRule("snap-start", _B, "SnapStart and a capacity provider exclude each other.", "Take SnapStart out: environments are kept, so that there are no cold starts to shorten.", _MI + ".html"),
    MigrationRule("provisioned-concurrency", _B, "Provisioned concurrency and a capacity provider exclude each other.", "Take it out, and keep a least number of execution environments.", _MI + ".html"),
    MigrationRule("vpc", _B, "A function's own VPC configuration and a capacity provider exclude each other.", "Give subnets and security groups to the capacity provider.", _MI + "-capacity-providers.html"),
    MigrationRule("text-logs", _B, "On Managed Instances logs are JSON.", "Set the log format to JSON, and adapt what reads the logs.", _MI + "-monitoring.html"),
    MigrationRule("file-system", _B, "File systems are mounted through the function's VPC configuration, which Managed Instances do without.", "Keep such files in S3, or leave the function on demand.", _MI + ".html"),
    MigrationRule("ephemeral-storage", _B, "/tmp has 512 to 10,240 MB.", "Take a size within it.", _DG + "configuration-ephemeral-storage.html"),
    MigrationRule("durable", _B, "Whether durable functions run on Managed Instances is not documented.", "Leave the function on demand.", _MI + ".html"),
    MigrationRule("tenancy", _B, "Tenant isolation needs environments of their own; several requests share one on Managed Instances.", "Leave the function on demand.", _DG + "tenant-isolation.html"),
    MigrationRule("extension-invoke", _B, "An extension that registers for INVOKE is refused on Managed Instances.", "Let it register for SHUTDOWN alone, or take a version of it that does.", _MI + "-execution-environment.html"),
    MigrationRule("layer-runtime", _H, "A layer is built for one runtime and instruction set.", "Build it for the new runtime, and name its new version.", _DG + "chapter-layers.html"),
    MigrationRule("layer-extension", _H, "A layer may bring an extension; one that registers for INVOKE is refused.", "Ask its maker for a version that supports Managed Instances.", _MI + "-execution-environment.html"),
    MigrationRule("reserved-concurrency", _B, "Reserved concurrency bounds requests; on Managed Instances the number of execution environments is bounded.", "Bound the execution environments in place of it.", _MI + "-scaling.html"),
    MigrationRule("timeout", _A, "A request that times out keeps its slot until its code ends.", "Bound every call that the code makes by a timeout of its own.", _MI + "-execution-environment.html"),
    MigrationRule("managed-timeout", _B, "On demand a function has 900 seconds.", "Split the work, or leave the function on Managed Instances.", _DG + "configuration-timeout.html"),
    MigrationRule("managed-memory", _B, "On demand a function has 10,240 MB at most.", "Take 10,240 MB or less.", _DG + "configuration-memory.html"),
    MigrationRule("network", _A, "What a function sends leaves through the capacity provider's VPC.", "Give its subnets a NAT gateway, or endpoints of the services that it calls.", _MI + "-security.html"),
    MigrationRule("template-reference", _H, "What only a stack knows is not in its template.", "Read the function from the stack that is deployed: --from stack:NAME.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html"),
    # Packages
    MigrationRule("wheel", _B, "Machine code is built for one version of Python and one instruction set.", "Install a wheel for the new runtime in its place.", _DG + "python-package.html#python-package-native-libraries"),
    MigrationRule("no-wheel", _B, "A requirement has no wheel for the new runtime.", "Take a version of it that has one.", _DG + "python-package.html#python-package-native-libraries"),
    MigrationRule("requirement-unproved", _A, "Whether a requirement has a wheel for the new runtime was not asked.", "Ask with --resolve.", _DG + "python-package.html#python-package-native-libraries"),
    MigrationRule("removed-module", _B, "A module of Python's library is gone in the new runtime.", "Take what Python names in its place.", "https://docs.python.org/3/whatsnew/3.13.html"),
    MigrationRule("code-unknown", _H, "Code that is not here was not examined.", "Name it with --code.", _MI + "-runtimes.html"),
    MigrationRule("code-not-examined", _A, "Code in this language was not examined for what several requests at once break.", "Look for shared state, fixed names in /tmp, and clients that are not thread-safe.", _MI + "-runtimes.html"),
    MigrationRule("code-syntax", _B, "The code can be read by its new runtime.", "Correct it.", _MI + "-runtimes.html"),
    MigrationRule("handler", _B, "The handler is in the code.", "Name it as module.function.", _DG + "python-handler.html"),
    # Code
    MigrationRule("fixed-tmp-name", _H, "All requests of an execution environment share /tmp.", "Make the name unique: tempfile.TemporaryDirectory(), or the request's id in it.", _MI + "-python-runtime.html"),
    MigrationRule("tmp-name-of-request", _A, "Two requests that bring the same share a file of this name.", "Put the request's id, or a temporary folder, into the name.", _MI + "-python-runtime.html"),
    MigrationRule("module-state", _H, "What a request leaves at module level, the next one on the same worker finds, and those on other workers do not.", "Keep it in local variables, or in a store that all share.", _MI + "-python-runtime.html"),
    MigrationRule("mutable-default", _H, "A default value is made once, and is shared by all calls.", "Let the default be None, and make the value within the function.", _MI + "-python-runtime.html"),
    MigrationRule("process-setting", _H, "What is set for the whole process stays set for the requests after.", "Set it once when the module is imported, or pass it to what needs it.", _MI + "-python-runtime.html"),
    MigrationRule("worker-cache", _A, "Each worker fills a cache of its own.", "Bound it, and count its memory as often as there are workers.", _MI + "-python-runtime.html"),
    MigrationRule("connection-per-request", _H, "A connection for each request makes as many connections at a time as there are requests.", "Open it once when the module is imported, and keep it; check that it is alive.", _DG + "best-practices.html"),
    MigrationRule("client-per-request", _A, "A client that is made for each request takes CPU from all requests of its vCPU, and shares no connections.", "Make it once at module level.", _DG + "best-practices.html"),
    MigrationRule("background-work", _H, "Nothing is frozen after an answer: work that is left running goes on beside the next request.", "Wait for it before returning, or hand it to a queue.", _MI + "-execution-environment.html"),
    MigrationRule("threads", _A, "Threads and processes are started by each request that runs at the time, and share the environment's vCPUs.", "Bound them, with all workers in mind.", _MI + "-python-runtime.html"),
    MigrationRule("callback-handler", _B, "Node.js handlers with a callback are refused.", "Make it an async function that returns its answer.", _MI + "-nodejs-runtime.html"),
    MigrationRule("shared-state", _H, "Requests of one worker thread interleave at every await, and share what stands at module level.", "Keep it in local variables, or in AsyncLocalStorage.", _MI + "-nodejs-runtime.html"),
    MigrationRule("worker-thread", _H, "Node.js handlers run in worker threads, where some of process's methods throw.", "Do without it.", "https://nodejs.org/api/worker_threads.html"),
    MigrationRule("blocking-call", _A, "A synchronous call holds up all requests of its worker thread.", "Take the asynchronous one.", _MI + "-nodejs-runtime.html"),
)  # fmt: skip
RULES: Mapping[str, MigrationRule] = {rule.name: rule for rule in _ALL}
