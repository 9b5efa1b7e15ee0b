#!/usr/bin/env python3
"""Draws how long a clone takes by the size of the LUN: plot.py TABLE PICTURE. Needs python3-matplotlib.

TABLE has the lines that `array-cases … open RECORDS TABLE` adds: GiB, then median and ninth decile of the whole clone and
median of its processor time, in nanoseconds.
"""
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def main():
    table, picture = sys.argv[1:]
    with open(table) as file:
        rows = sorted([float(field) for field in line.split(",")] for line in file if line.strip())
    sizes, median, ninth, processor = zip(*rows)
    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=110)
    axes.plot(sizes, [value / 1e6 for value in ninth], "o--", color="tab:gray", label="durable, 9 of 10 within")
    axes.plot(sizes, [value / 1e6 for value in median], "o-", color="tab:blue", label="durable, median")
    axes.plot(sizes, [value / 1e6 for value in processor], "s-", color="tab:green", label="processor time, median")
    axes.axhline(1, color="tab:red", linewidth=1, label="target")
    axes.set(xscale="log", yscale="log", xlabel="GiB mapped in the LUN", ylabel="milliseconds",
             title="Clone of a LUN by its size")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.grid(True, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture)


if __name__ == "__main__":
    main()
