# SPDX-License-Identifier: Apache-2.0
"""Fixtures: labs that end with their test, or with their module."""
import pytest

import clusterlab

_why_not = []


def make(folder, **more):
    if not _why_not:
        _why_not.append(clusterlab.why_not())
    if _why_not[0]:
        pytest.skip(_why_not[0])
    return clusterlab.ClusterLab(folder, **more)


@pytest.fixture
def lab(tmp_path):
    """Three nodes and a sink, nothing started."""
    lab = make(tmp_path)
    yield lab
    lab.end()


@pytest.fixture
def make_lab(tmp_path):
    """Makes labs of other shapes: make_lab(nodes=("a", "b"))."""
    labs = []

    def one(**more):
        labs.append(make(tmp_path / f"lab{len(labs)}" if labs else tmp_path, **more))
        return labs[-1]
    yield one
    for lab in labs:
        lab.end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three nodes in a cluster, and a sink, shared by the tests of a module: each leaves it whole."""
    lab = make(tmp_path_factory.mktemp("cluster"))
    try:
        lab.start_nodes()
        yield lab
    finally:
        lab.end()
