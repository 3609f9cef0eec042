"""Data files of botocore and moto say the same, whoever reads them."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: what is replaced stays replaced.
PROGRAM = """
from botocore.loaders import JSONFileLoader, Loader
from moto.utilities import utils
from lambent.cloud.bridge.data_files import read_data_files_quickly

models = [("sqs", "service-2"), ("ec2", "paginators-1"), ("s3", "endpoint-rule-set-1")]
resources = ["ec2/resources/instance_type_offerings/region/eu-north-1.json", "ec2/resources/instance_types.json"]
plain_models = [Loader().load_service_model(*model) for model in models] + [Loader().load_data("endpoints")]
plain_resources = [utils.load_resource(resource) for resource in resources]
read_data_files_quickly()
assert type(Loader().file_loader) is not JSONFileLoader
for _ in range(2):
    assert [Loader().load_service_model(*model) for model in models] + [Loader().load_data("endpoints")] == plain_models
assert [utils.load_resource(resource) for resource in resources] == plain_resources
assert Loader().file_loader.load_file("/nowhere/service-2") is None
mine = Loader().load_data("endpoints")
mine.clear()
assert Loader().load_data("endpoints") == plain_models[-1]
"""


def test_files_say_the_same_as_with_the_readers_that_they_are_made_for() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
