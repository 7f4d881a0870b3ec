# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load: nothing acknowledged is lost, and duplicates are bounded."""
import os
import random

import pytest

from lab import SANITIZED, load, wait_for

ROUNDS = int(os.environ.get("EC_CRASH_ROUNDS", "10" if SANITIZED else "200"))
CONNECTIONS = 8


@pytest.mark.long
@pytest.mark.crash
@pytest.mark.loops
def test_kill_9_under_load(lab, tmp_path):
    """Load goes on over all kills; after the last one every acknowledged message must be at the sink, byte for byte."""
    rng = random.Random(int(os.environ.get("EC_SEED", "20260101")))
    sink = lab.sink()
    server = lab.server(f"max_outbound_connections = {CONNECTIONS}\nretry_interval = 1\nmax_retry_interval = 1\n", sink=sink)
    record = str(tmp_path / "load.records")
    generator = lab.load(server, "-c", 8, "-n", 100000000, "--domain", "one.test", "-s", "2000", "--rate", "100" if SANITIZED else "300", "--ignore-errors",
                         "--retry-connect", "60", record=record)
    before = 0
    for _ in range(ROUNDS):
        acknowledged = os.path.getsize(record) if os.path.exists(record) else 0
        # a random amount of progress, not of time: so that a slow machine tests the same thing
        goal = acknowledged + rng.randrange(1, 40) * 80
        wait_for("progress", lambda: os.path.exists(record) and os.path.getsize(record) >= goal)
        server.kill9()
        server.start()
        found = server.recovered()
        # what was in doubt before and has not been tried again since is still in doubt: only the rest is this kill's
        assert found["in_doubt"] <= before + CONNECTIONS
        before = found["in_doubt"]
    generator.stop()
    account = server.settled()
    assert int(account["residual"]) == 0
    sent = generator.records()
    got, copies = {}, 0
    for r in sink.records():
        copies += r["id"] in got
        got[r["id"]] = r["digest"]
    lost = [i for i in sent if i not in got]
    assert not lost, f"{len(lost)} of {len(sent)} acknowledged messages lost: {lost[:5]}"
    damaged = [i for i in sent if got[i] != sent[i]]
    assert not damaged, f"damaged: {damaged[:5]}"
    assert copies <= ROUNDS * CONNECTIONS, f"{copies} duplicates after {ROUNDS} kills with {CONNECTIONS} connections"
    print(f"rounds={ROUNDS} acknowledged={len(sent)} delivered={len(got)} duplicates={copies}")
    assert server.stop() == 0
