#!/usr/bin/env python3
"""Closed loops of requests by new connections, run in the network of a node by `seamline-lab exec`.

usage: ingress_client.py ADDRESS HOST LOOPS REQUESTS

Prints the number of answers by status, as JSON.
"""
import collections
import http.client
import json
import sys
import threading

address, host, loops, requests = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
counts = collections.Counter()


def loop():
    for _ in range(requests // loops):
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("GET", "/", headers={"Host": host, "Connection": "close"})
        counts[str(connection.getresponse().status)] += 1
        connection.close()


threads = [threading.Thread(target=loop) for _ in range(loops)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(counts))
