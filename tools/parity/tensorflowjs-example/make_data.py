"""Writes the two small data sets of examples/tensorflowjs from scikit-learn's copies.

usage: make_data.py FOLDER
digits.bin.gz: per image 64 bytes (8 x 8, 0 .. 16) and one byte of label. diabetes.csv: ten features and the target per line.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes, load_digits

folder = Path(sys.argv[1])
digits = load_digits()
rows = np.concatenate([digits.images.reshape(-1, 64), digits.target[:, None]], axis=1).astype(np.uint8)
with gzip.GzipFile(folder / "digits.bin.gz", "wb", 9, mtime=0) as file:
    file.write(rows.tobytes())

diabetes = load_diabetes(scaled=False)
with open(folder / "diabetes.csv", "w") as file:
    file.write(",".join([*diabetes.feature_names, "progression"]) + "\n")
    for features, target in zip(diabetes.data, diabetes.target):
        file.write(",".join(f"{value:g}" for value in [*features, target]) + "\n")
