"""Files in /tmp: those written under a name that another request at the same time writes, too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lambent.insight.migration.python.modules import Variable
from lambent.insight.migration.python.texts import Hole, Text, Texts, View

_WRITING_MODE = re.compile(r"[wax+]")
# Full names of what writes, and which argument says where: its index, and its name.
_WRITERS: dict[str, tuple[int, str]] = {
    "shutil.copy": (1, "dst"), "shutil.copy2": (1, "dst"), "shutil.copyfile": (1, "dst"), "shutil.move": (1, "dst"),
    "shutil.copytree": (1, "dst"), "shutil.rmtree": (0, "path"), "shutil.unpack_archive": (1, "extract_dir"),
    "shutil.make_archive": (0, "base_name"),
    "os.remove": (0, "path"), "os.unlink": (0, "path"), "os.mkfifo": (0, "path"), "os.truncate": (0, "path"),
    "os.symlink": (1, "dst"), "os.link": (1, "dst"), "os.mknod": (0, "path"),
    "sqlite3.connect": (0, "database"), "aiosqlite.connect": (0, "database"), "duckdb.connect": (0, "database"),
    "shelve.open": (0, "filename"), "dbm.open": (0, "file"), "lmdb.open": (0, "path"),
    "urllib.request.urlretrieve": (1, "filename"), "wget.download": (1, "out"), "gdown.download": (1, "output"),
    "logging.FileHandler": (0, "filename"), "logging.handlers.RotatingFileHandler": (0, "filename"),
    "logging.handlers.TimedRotatingFileHandler": (0, "filename"), "logging.basicConfig": (9, "filename"),
    "joblib.dump": (1, "filename"), "torch.save": (1, "f"), "numpy.save": (0, "file"), "numpy.savez": (0, "file"),
    "numpy.savetxt": (0, "fname"), "cv2.imwrite": (0, "filename"), "imageio.imwrite": (0, "uri"),
    "matplotlib.pyplot.savefig": (0, "fname"), "pyarrow.parquet.write_table": (1, "where"),
    "pyarrow.csv.write_csv": (1, "output_file"), "soundfile.write": (0, "file"),
    "fastavro.writer": (0, "fo"), "xlsxwriter.Workbook": (0, "filename"), "pandas.ExcelWriter": (0, "path"),
}  # fmt: skip
# Full names of what opens a file by a mode; the mode is the second argument.
_OPENERS = frozenset({
    "open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "gzip.GzipFile", "bz2.BZ2File",
    "zipfile.ZipFile", "tarfile.open", "tarfile.TarFile", "aiofiles.open", "wave.open", "h5py.File", "netCDF4.Dataset",
    "zipfile.PyZipFile", "lzma.LZMAFile", "smart_open.open", "fsspec.open", "tarfile.TarFile.open", "builtins.open",
    "os.fdopen", "anyio.open_file", "pysam.AlignmentFile", "tables.open_file", "rasterio.open",
})  # fmt: skip
# Methods of a path.
_PATH_WRITERS = frozenset({"write_text", "write_bytes", "touch", "unlink", "symlink_to", "hardlink_to"})
# Methods of whatever object that write to a file which an argument names.
_METHODS: dict[str, tuple[int, str]] = {
    "download_file": (2, "Filename"), "extractall": (0, "path"), "extract": (1, "path"), "savefig": (0, "fname"),
    "to_csv": (0, "path_or_buf"), "to_json": (0, "path_or_buf"), "to_parquet": (0, "path"),
    "to_excel": (0, "excel_writer"),
    "to_pickle": (0, "path"), "to_feather": (0, "path"), "to_hdf": (0, "path_or_buf"), "to_xml": (0, "path_or_buffer"),
    "to_html": (0, "buf"), "to_orc": (0, "path"), "to_stata": (0, "path"),
    "write_parquet": (0, "file"), "to_file": (0, "filename"),
    "write_csv": (0, "file"), "write_json": (0, "file"), "sink_parquet": (0, "path"), "sink_csv": (0, "path"),
    "write_image": (0, "file"), "write_html": (0, "file"), "write_pdf": (0, "target"), "save": (0, "fp"),
    "save_to_file": (0, "path"), "save_pretrained": (0, "path"), "save_model": (0, "path"), "export": (0, "path"),
    "fget_object": (2, "file_path"), "download_to_filename": (0, "filename"), "download": (0, "path"),
    "urlretrieve": (1, "filename"), "dump_to_file": (0, "path"), "tofile": (0, "fid"), "write_video": (0, "path"),
    "write_audiofile": (0, "path"), "write_videofile": (0, "path"), "output": (0, "name"), "write_to_file": (0, "path"),
    "write_file": (0, "path"), "getfo": (1, "fl"), "retrbinary": (9, "path"), "get": (1, "localpath"),
    "screenshot": (0, "path"), "save_screenshot": (0, "filename"), "dump_stats": (0, "filename"),
}  # fmt: skip
_RENAMERS = frozenset({"os.rename", "os.replace", "os.renames"})
_PROGRAMS = frozenset({
    "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen",
    "subprocess.getoutput", "subprocess.getstatusoutput", "os.system", "os.popen", "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell", "os.execv", "os.execvp", "os.spawnv", "os.spawnvp", "sh.Command",
})  # fmt: skip
_IN_COMMAND = re.compile(r"(?:^|[\s=<>'\"])(/tmp/[^\s'\";|&<>]+)")


def written(call: ast.Call, view: View) -> Iterator[tuple[str, ast.expr]]:
    """Yield the expressions that say where a call writes, each with what the call is called by."""
    name = view.scope.full_name(call.func)
    if name in _OPENERS:
        place = _argument(call, 0, "file", "filename", "name", "path", "uri")
        if place is not None and _writes(call, 1, view):
            yield name.removeprefix("builtins."), place
    elif name == "os.open":
        place = _argument(call, 0, "path")
        if place is not None and any(
            isinstance(one, ast.Attribute) and one.attr == "O_CREAT" for one in ast.walk(call)
        ):
            yield name, place
    elif name in _WRITERS:
        index, keyword = _WRITERS[name]
        place = _argument(call, index, keyword)
        if place is not None:
            yield name, place
    elif name in _PROGRAMS:
        yield from ((name, one) for one in _in_command(call))
    elif name in _RENAMERS:
        # While a module is imported it is how a file is put there whole.
        place = _argument(call, 1, "dst") if view.reached is not None else None
        yield from [] if place is None else [(name, place)]
    elif isinstance(call.func, ast.Attribute):
        yield from _by_method(call, call.func, view)


def _by_method(call: ast.Call, func: ast.Attribute, view: View) -> Iterator[tuple[str, ast.expr]]:
    method = func.attr
    if method in _PATH_WRITERS or (method == "open" and _writes(call, 0, view)):
        yield f"{method}()", func.value
    if method in {"rename", "replace"} and len(call.args) == 1 and view.reached is not None:
        yield f"{method}()", call.args[0]
    if method in _METHODS:
        index, keyword = _METHODS[method]
        place = _argument(call, index, keyword, "path", "filename", "Filename")
        if place is not None:
            yield f"{method}()", place


def judged(text: Text, *, is_relative_to_tmp: bool) -> str | None:
    """Return which rule a name breaks: one that is fixed, one that the request brings, or none.

    >>> judged(("/tmp/out.csv",), is_relative_to_tmp=False)
    'fixed-tmp-name'
    """
    first = text[0]
    is_there = isinstance(first, str) and (first.startswith("/tmp/") or (first == "/tmp" and len(text) > 1))
    if isinstance(first, str) and first == "/tmp" and len(text) == 1:
        return None
    if is_relative_to_tmp and isinstance(first, str) and first and not first.startswith(("/", "s3:", "http", ":")):
        is_there = True
    if not is_there or Hole.UNIQUE in text:
        return None
    if Hole.REQUEST in text:
        return "tmp-name-of-request"
    return None if Hole.UNKNOWN in text else "fixed-tmp-name"


def shown(text: Text) -> str:
    """Return a name for people, with a word in place of what is not known.

    >>> shown(("/tmp/", Hole.REQUEST, ".csv"))
    '/tmp/<from the event>.csv'
    """
    words = {Hole.REQUEST: "<from the event>", Hole.TIME: "<time>", Hole.UNIQUE: "<unique>", Hole.UNKNOWN: "<…>"}
    return "".join(words[part] if isinstance(part, Hole) else part for part in text)


def commanded(node: ast.expr, texts: Texts, view: View) -> Iterator[Text]:
    """Yield the names under /tmp in a part of a command: the part itself, or words of a shell's line."""
    for text in texts.of(node, view):
        # A word of the line that has a hole in it is nobody's fixed name; the words beside it may be.
        for match in _IN_COMMAND.finditer("".join(part if isinstance(part, str) else "\0" for part in text)):
            if "\0" not in match[1]:
                yield (match[1],)


def is_program(name: str) -> bool:
    """Return whether what is called starts a program."""
    return name in _PROGRAMS


def _in_command(call: ast.Call) -> Iterator[ast.expr]:
    for one in call.args:
        yield from one.elts if isinstance(one, ast.List | ast.Tuple) else [one]


def _writes(call: ast.Call, index: int, view: View) -> bool:
    mode = _argument(call, index, "mode")
    if isinstance(mode, ast.Name):
        found = view.scope.meaning(mode.id)
        values = found.module.assigned[found.name] if isinstance(found, Variable) else view.scope.bindings.get(mode.id)
        mode = values[0] if values else None
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
        return _WRITING_MODE.search(mode.value.partition(":")[0]) is not None
    if isinstance(mode, ast.IfExp):
        return any(
            isinstance(one, ast.Constant) and _WRITING_MODE.search(str(one.value)) for one in (mode.body, mode.orelse)
        )
    return False


def _argument(call: ast.Call, index: int, *names: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    given = call.args[index : index + 1]
    return given[0] if given and not isinstance(given[0], ast.Starred) else None
