"""What the scripts in this folder share: time is measured in processes of their own."""

import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor


def fresh(threads, function, *args):
    """Call a function in a new process, whose libraries may use so many threads."""
    for library in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        os.environ[f"{library}_THREADS"] = str(threads)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()


def typical_time(work, seconds):
    """The median time of a repetition. Args: work(); seconds, for how long to repeat it."""
    work()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
