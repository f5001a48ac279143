"""What a run computes on: which frameworks see a GPU, and what it is called."""

import functools
import json
import os
import platform
import shutil
import subprocess
import sys

# Each framework is asked in a process of its own: importing one here would take seconds of
# every build, and hold GPU memory that the kernels need.
_PROBE = """
import json, os
backend = os.environ["KERAS_BACKEND"]
seen = {"pytorch": False, "keras": False, "name": ""}
try:
    import torch
    if torch.cuda.is_available():
        seen.update(pytorch=True, keras=backend == "torch", name=torch.cuda.get_device_name(0))
except ImportError:
    pass
try:
    if backend == "tensorflow":
        import tensorflow as tf
        seen["keras"] = bool(tf.config.list_physical_devices("GPU"))
    elif backend == "jax":
        import jax
        seen["keras"] = jax.default_backend() == "gpu"
except ImportError:
    pass
print(json.dumps(seen))
"""


def may_have_gpu():
    """Return whether this machine has NVIDIA's driver; says nothing about the frameworks."""
    return shutil.which("nvidia-smi") is not None


@functools.cache
def seen(backend):
    """Ask PyTorch, and Keras on ``backend``, for a GPU: {"pytorch", "keras", "name"}."""
    process = subprocess.run(
        [sys.executable, "-c", _PROBE],
        env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(f"could not ask the frameworks for a GPU:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def without_gpu(backend):
    """Return the frameworks that see no GPU, in words."""
    names = {"pytorch": "PyTorch", "keras": f"Keras on {backend}"}
    answer = seen(backend)
    return [words for key, words in names.items() if not answer[key]]


def describe(backend):
    """Return {"device", "device_name"} as a page's foot shows them."""
    cpu = f"{os.cpu_count()} CPU cores, {platform.machine()}"
    missing = without_gpu(backend) if may_have_gpu() else ["PyTorch", "Keras"]
    if len(missing) == 2:
        return {"device": "cpu", "device_name": cpu}
    gpu = seen(backend)["name"] or "GPU"
    if missing:
        return {"device": "gpu", "device_name": f"{gpu}; {missing[0]} on {cpu}"}
    return {"device": "gpu", "device_name": gpu}
