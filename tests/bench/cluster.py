# SPDX-License-Identifier: Apache-2.0
"""What limits of a whole cluster cost: three nodes with a corosync each and a sink, in network namespaces on this machine."""
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
import clusterlab
from lab import wait_for

PORT = 2526
LIMITS = "cluster_max_outbound_connections = 100\ncluster_server_max_outbound_connections = 1000\n"


def config(lab, limits):
    return (f'Routes = ( "{lab["sink"].address}" )\nRemote_SMTP_Port = {PORT}\nRelay_Hosts = ( "0.0.0.0/0" )\n' + (LIMITS if limits else ""))


def delivered(lab):
    return sum(int(h.node.account()["delivered"]) for h in lab.nodes)


def relay(lab, limits, messages, number):
    """Messages a second through all three nodes."""
    for host in lab.nodes:
        host.node.configure(lab.cluster_config(host) + config(lab, limits))
        host.node.console("config", "reload")
    before, start = delivered(lab), time.monotonic()
    loads = [h.program(clusterlab.program("smtpload"), "-c", 10, "-n", messages // 3, "--domains", 10,
                       "--domain", f"r{number}.test", f"{h.address}:2525") for h in lab.nodes]
    for load in loads:
        assert load.process.wait(600) == 0, load.text()
    wait_for("all to be delivered", lambda: delivered(lab) >= before + messages // 3 * 3, 600)
    return messages // 3 * 3 / (time.monotonic() - start)


def grants(lab, domains):
    """Slots of domains that nobody else wants: a message to each, a few at a time."""
    host = lab.nodes[0]
    before = host.node.console("cluster", "limits", "none")["units_given"]
    host.load("-c", 2, "-n", domains, "--rate", 200, "--domains", domains, "--domain", "g.test")
    wait_for("all to be granted", lambda: host.node.console("cluster", "limits", "none")["units_given"] - before >= domains)
    answer = host.node.console("cluster", "limits", "none")
    return float(answer["waited_p50_ms"]), float(answer["waited_p99_ms"])


def run(folder, messages, runs):
    """Rows of the report; none where no namespaces can be made."""
    why = clusterlab.why_not()
    if why:
        return [{"what": "cluster", "peer": "ecelerity", "text": f"not measured: {why}"}]
    lab = clusterlab.ClusterLab(pathlib.Path(folder))
    try:
        lab.start_sink(port=PORT)
        lab.start_nodes(config(lab, True))
        wait_for("a lease", lambda: "over" not in lab.nodes[0].node.console("limits", form="text"))
        p50, p99 = grants(lab, 1000)
        rates = {False: [], True: []}
        for i in range(runs):
            for limits in rates:
                rates[limits].append(relay(lab, limits, messages, f"{i}{int(limits)}"))
        without, with_limits = statistics.median(rates[False]), statistics.median(rates[True])
        return [{"what": "cluster: a slot is granted", "peer": "ecelerity", "p50_ms": p50, "p99_ms": p99,
                 "text": f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, three nodes"},
                {"what": "cluster: relay, three nodes", "peer": "ecelerity", "without": without, "with": with_limits,
                 "text": f"{without:.0f}/s without limits of the cluster, {with_limits:.0f}/s with them: {with_limits / without:.2f}"}]
    finally:
        lab.end()
