"""Parts of the benchmark commands `benchmarks/run` and `benchmarks/compare_inprocess.py`."""
