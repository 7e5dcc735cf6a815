#!/usr/bin/env python3
"""What goes wrong in the middle of a run: rights that are missing, others at work, a rollout that cannot end, SIGKILL.

usage: mid_run.py SEAMLINE API_ONLY BUILD_DIR

Traffic goes to a server in this test's own namespace; the cluster is the lab's API with nothing behind it, so that no
rollout ends. What it holds before and after is looked at by Debian's kubectl. Prints TAP.
"""
import json
import pathlib
import signal
import subprocess
import sys
import time

import kubectl
import tap
from veth import Veth

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
NAME, ADDRESS, PORT = "slmidrun", "10.77.9.1", 5009
ACCEPT = ("import socket; s = socket.create_server(('%s', %d), backlog=64)\n"
          "while True: s.accept()[0].close()" % (ADDRESS, PORT))
MACHINE = {
    "version": 1, "name": "midrun",
    "ports": [{"name": "veth", "profile": "af_packet", "iface": f"{NAME}0",
               "clients": ["10.77.9.128/26"], "onLink": ["10.77.9.0/24"]}],
    "cores": {"workers": [1], "control": 0},
    "memory": {"hugepages": "no", "megabytes": 256},
    "allow": ["10.77.9.0/24"],
}
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"
BARE = "apiVersion: v1\nkind: Pod\nmetadata: {name: loose}\nspec: {nodeName: n2, containers: [{name: c, image: c}]}\n"


LOST = BARE.replace("loose}", "lost, labels: {app: web}}")
VIPS = """
apiVersion: v1
kind: Service
metadata: {name: vips}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: PORT}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: vips-1, labels: {kubernetes.io/service-name: vips}}
addressType: IPv4
ports: [{port: PORT, protocol: TCP}]
endpoints: [{addresses: ["10.244.1.2"], conditions: {ready: true}}]
""".replace("PORT", str(PORT))


def experiment(world, steps):
    return {
        "version": 1, "name": "midrun",
        "cluster": {"kubeconfig": str(world.kubeconfig), "context": "seamline-lab", "namespace": "default",
                    "mayChange": ["deployment/web", "node/n1", "node/n2", "configmap/extra", "service/web"]},
        "target": {"address": ADDRESS, "port": PORT},
        "streams": [{"name": "new", "protocol": "connect", "rate": "20/s", "connectTimeout": "200ms"}],
        "steps": [{"do": "start"}, *steps, {"do": "wait", "for": "200ms"}, {"do": "stop"}],
    }


def command(folder, name, world, steps, *more):
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    (folder / f"{name}.json").write_text(json.dumps(experiment(world, steps)))
    return [SEAMLINE, "run", folder / f"{name}.json", "-m", folder / "machine.json", "-o", folder / name, "-q", "--yes",
            *more]


def run(folder, name, world, steps, *more):
    return subprocess.run(command(folder, name, world, steps, *more), capture_output=True, text=True, timeout=120,
                          check=False)


def specs(world):
    """What somebody wants: of each object its spec, its labels and annotations, or its data."""
    items = json.loads(world.run("get", "deploy,svc,nodes,cm", "-o", "json"))["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": (
        item.get("spec"), item["metadata"].get("labels"), item["metadata"].get("annotations") or None,
        item.get("data")) for item in items}


SCALE = {"do": "scale", "deployment": "web", "replicas": 3, "temporary": True}


def rights(folder, world):
    """NODES may not be patched: it is found when the second change is made."""
    before = specs(world)
    done = run(folder, "denied", world, [SCALE, {"do": "cordon", "node": "n1"}])
    yield "a right that is missing in the middle ends the run, and is named", done.returncode == 3 \
        and "step cordon: " in done.stderr and 'resources: ["nodes"]' in done.stderr \
        and 'verbs: ["patch"]' in done.stderr, done
    changes = [json.loads(line) for line in (folder / "denied" / "undo.jsonl").read_text().splitlines()]
    yield "what was changed until then is put back", specs(world) == before \
        and any("undone" in change for change in changes), (changes, before, specs(world))
    account = json.loads((folder / "denied" / "run.json").read_text())
    yield "and the account says that it broke off", "nodes" in account["failure"], account["failure"]


HELD = BARE.replace("loose}", "held, labels: {app: held}}") + """---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: held}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: held}}}
"""


def interrupted(folder, world):
    """A drain that its budget holds up, and SIGINT: it does not go on, and is put back."""
    world.run("apply", "-f", "-", stdin=HELD)
    pod = json.loads(world.run("get", "pod", "held", "-o", "json"))
    pod["status"]["phase"] = "Running"  # A pending one may always go.
    world.run("replace", "--raw", "/api/v1/namespaces/default/pods/held/status", "-f", "-", stdin=json.dumps(pod))
    before = specs(world)
    steps = [{"do": "patch", "object": "service/web", "patch": {"spec": {"sessionAffinity": "None"}}},
             {"do": "wait", "for": "300ms"},
             {"do": "drain", "node": "n2", "force": True, "temporary": True, "deadline": "100s"}]
    process = subprocess.Popen(command(folder, "interrupted", world, steps), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        timeline = folder / "interrupted" / "cluster.jsonl"
        end = time.monotonic() + 60
        while not (timeline.exists() and "not evicted yet" in timeline.read_text()) and time.monotonic() < end:
            time.sleep(0.1)
        busy = undo(folder, run="interrupted")
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    yield "undo keeps out while the run goes on", busy.returncode == 3 and "still goes on" in busy.stderr, busy
    yield "SIGINT ends a drain that waits", process.returncode == 4, (process.returncode, err)
    yield "and its node takes pods again", specs(world) == before and "was not put back" not in err, (
        before, specs(world), err)
    account = json.loads((folder / "interrupted" / "run.json").read_text())
    events = [json.loads(line) for line in timeline.read_text().splitlines()]
    drain = next(e["notAfter"] for e in events if e["kind"] == "step-start" and e["object"] == "drain")
    yield "the drain began the change, not a patch that changed nothing", account["change"] >= drain, (
        account["change"], drain)
    world.run("delete", "pod/held", "pdb/held", "--force")


def others(folder, world):
    """An autoscaler of sorts, in the middle of a step that waits: told, and its replicas are not fought over."""
    kube = [str(SEAMLINE), "kube", "scale", "web", "5", "-k", str(world.kubeconfig), "--context", "seamline-lab", "-n",
            "default", "--yes", "--even-rolling"]
    process = subprocess.Popen(command(folder, "others", world, [
        dict(SCALE, until="ready", deadline="8s")]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(world, "3")
        subprocess.run(kube, check=True, capture_output=True, timeout=30)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    events = [json.loads(line) for line in (folder / "others" / "cluster.jsonl").read_text().splitlines()]
    yield "replicas that others change are told at once, and on the timeline", \
        "deployment/web: replicas 3 -> 5, by others: an autoscaler" in err and any(
            event["kind"] == "change" and event["text"] == "replicas 3 -> 5, by others" for event in events), (err, events)
    yield "a rollout that does not end is told with what it waits for", process.returncode == 3 \
        and "step scale: ready was not reached in time" in err and "deployment/web: " in err, (out, err)
    yield "what was temporary is put back all the same", replicas(world) == "8", replicas(world)


def nodes(folder, world):
    """A node that does not return (n2 is not ready in this lab): named by what waits for it, and when it is put back."""
    world.run("apply", "-f", "-", stdin=LOST)
    settle(world)
    before = specs(world)
    for name, step, told in (
            ("uncordon", {"do": "uncordon", "node": "n2", "until": "ready"}, "ready was not reached in time\n  node n2 is "
             "not ready ("),
            ("observe", {"do": "observe", "node": "n2"}, "step observe: ready was not reached in time\n  node n2 is not "
             "ready ("),
            ("move", {"do": "move", "deployment": "web", "node": "n2", "temporary": True, "until": "rollout-complete"},
             "1 pod not ready (lost): not ready, phase Pending; node n2 is not ready (")):
        done = run(folder, f"lost-{name}", world, [{"do": "cordon", "node": "n2", "temporary": True},
                                                   dict(step, deadline="600ms")])
        yield f"{name}: a node that does not return is named", done.returncode == 3 and told in done.stderr, done
        yield f"{name}: and what it is put back to", specs(world) == before \
            and "node/n2 was put back, but has not returned: " in done.stderr, (before, specs(world), done)
    done = run(folder, "returned", world, [{"do": "cordon", "node": "n1"},
                                           {"do": "uncordon", "node": "n1", "until": "ready", "deadline": "10s"},
                                           {"do": "observe", "node": "n1", "deadline": "10s"}])
    yield "one that is back is not waited for", done.returncode == 0, done
    world.run("delete", "pod", "lost", "--force")


def addresses(folder, name, world, service, ingress):
    world.run("apply", "-f", "-", stdin=VIPS)
    web = json.loads(world.run("get", "svc", "vips", "-o", "json"))
    web["status"] = {"loadBalancer": {"ingress": [{"ip": address} for address in ingress]}}
    world.run("replace", "--raw", "/api/v1/namespaces/default/services/vips/status", "-f", "-", stdin=json.dumps(web))
    return run(folder, name, world, [], "--set", "steps.0.deadline=600ms", "--set",
               "target=" + json.dumps(dict({"service": "vips"}, **service)))


def vips(folder, world):
    """Services with several addresses, with none yet, and of another family."""
    done = addresses(folder, "first", world, {}, [ADDRESS, "10.77.9.2"])
    text = f"streams.new: service/vips has the addresses {ADDRESS}, 10.77.9.2: the first is used, target.vip chooses another"
    report = (folder / "first" / "report.txt").read_text()
    yield "of several addresses the first is used, and told", done.returncode == 0 and text in done.stderr \
        and text in " ".join(report.split()), (done, report)
    done = addresses(folder, "chosen", world, {"vip": ADDRESS}, ["10.77.9.2", ADDRESS])
    account = json.loads((folder / "chosen" / "run.json").read_text())
    yield "target.vip chooses", done.returncode == 0 and "has the addresses" not in done.stderr \
        and account["streams"][0]["target"] == f"connect://{ADDRESS}:{PORT}", (done, account["streams"][0])
    for name, service, ingress, told in (
            ("one that it has not", {"vip": "10.77.9.3"}, [ADDRESS], "has no address 10.77.9.3; there are: " + ADDRESS),
            ("of another family", {"family": "ipv6"}, [ADDRESS], "its load balancer has no IPv6 address; it has " + ADDRESS),
            ("none yet", {}, [], "its load balancer has no address yet")):
        done = addresses(folder, name.replace(" ", "-"), world, service, ingress)
        yield f"an address: {name}", done.returncode == (3 if not ingress else 2) and told in done.stderr, done
    addresses(folder, "there", world, {}, [ADDRESS])
    world.run("patch", "endpointslice", "vips-1", "--type=merge", "-p", json.dumps(
        {"endpoints": [{"addresses": ["10.244.1.2"], "conditions": {"ready": False}}]}))
    done = run(folder, "unready", world, [], "--set", "steps.0.deadline=600ms", "--set", 'target={"service": "vips"}')
    yield "a Service with no ready endpoint", done.returncode == 3 and "service default/vips: has no " in done.stderr \
        and "app=web" in done.stderr, done


def replicas(world):
    return world.run("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")


def wait_for(world, count):
    end = time.monotonic() + 60
    while replicas(world) != count:
        assert time.monotonic() < end, f"never {count} replicas"
        time.sleep(0.1)


def kills(folder, world):
    """SIGKILL when all is changed: `seamline undo` puts back each kind of change."""
    (folder / "extra.yaml").write_text(EXTRA)
    world.run("apply", "-f", "-", stdin=BARE)
    before = specs(world)
    steps = [
        {"do": "apply", "files": ["extra.yaml"]},
        {"do": "cordon", "node": "n1"},
        {"do": "drain", "node": "n2", "force": True, "deadline": "20s"},
        {"do": "patch", "object": "service/web", "patch": {"metadata": {"labels": {"a": "b"}}, "spec": {
            "sessionAffinity": "ClientIP"}}},
        {"do": "patch", "object": "deployment/web", "patchType": "json",
         "patch": [{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}]},
        {"do": "scale", "id": "last", "deployment": "web", "replicas": 3},
        {"do": "wait", "for": "60s"}]
    process = subprocess.Popen(command(folder, "killed", world, steps), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(world, "3")
        time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGKILL)
        said = process.communicate(timeout=30)[0]
    changed = specs(world)
    yield "all was changed", all(changed[name] != before.get(name) for name in (
        "ConfigMap/extra", "Node/n1", "Node/n2", "Service/web", "Deployment/web")), (said, changed)
    dry = undo(folder, "--dry-run")
    yield "undo says what it would do", dry.returncode == 0 and specs(world) == changed and all(
        word in dry.stdout for word in ("scale", "cordon", "drain", "patch", "extra")), dry
    yield "and which pods it cannot bring back", "  stays as it is: pod default/loose evicted\n" in dry.stdout, dry
    done = undo(folder)
    yield "undo puts all of it back", done.returncode == 0 and specs(world) == before, (done, before, specs(world))
    again = undo(folder)
    yield "once", again.returncode == 0 and "nothing to put back" in again.stdout + again.stderr, again


def settle(world, **status):
    """As its controller would when all pods are there, or as STATUS says."""
    web = json.loads(world.run("get", "deploy", "web", "-o", "json"))
    count = web["spec"]["replicas"]
    web["status"] = {"observedGeneration": web["metadata"]["generation"], "replicas": count, "updatedReplicas": count,
                     "readyReplicas": count, "availableReplicas": count, **status}
    world.run("replace", "--raw", "/apis/apps/v1/namespaces/default/deployments/web/status", "-f", "-",
              stdin=json.dumps(web))


def template(world):
    return json.dumps(specs(world)["Deployment/web"])


def until_changed(world, process, text):
    end = time.monotonic() + 30
    while text not in template(world) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.1)
    return text in template(world)


def templates(folder, world):
    """Likewise of changes of a template, each when the rollout before is over."""
    for name, step, text in (
            ("moved", {"do": "move", "deployment": "web", "node": "n1"}, "nodeName"),
            ("image", {"do": "set-image", "deployment": "web", "image": "web:v9"}, "web:v9"),
            ("environment", {"do": "set-env", "deployment": "web", "env": {"SEAMLINE": "1"}}, "SEAMLINE")):
        settle(world)
        before = specs(world)
        process = subprocess.Popen(command(folder, name, world, [step, {"do": "wait", "for": "60s"}]),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            changed = until_changed(world, process, text)
        finally:
            process.send_signal(signal.SIGKILL)
            said = process.communicate(timeout=30)[0]
        done = undo(folder, run=name)
        yield f"undo after {step['do']}", changed and done.returncode == 0 and specs(world) == before, (
            said, done, before, specs(world))


def fails(folder, world):
    """The controller gives a rollout up: told with its reason, before our own deadline, and taken back."""
    settle(world)
    before = specs(world)
    process = subprocess.Popen(command(folder, "failed", world, [
        {"do": "set-image", "deployment": "web", "image": "web:bad", "temporary": True, "until": "rollout-complete",
         "deadline": "100s"}]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        changed = until_changed(world, process, "web:bad")
        settle(world, updatedReplicas=1, conditions=[
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
             "message": "has timed out progressing"}])
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    yield "a rollout that fails ends the run", changed and process.returncode == 3 \
        and "step set-image: deployment/web: no progress for 600 s: has timed out progressing" in err, err
    yield "and what was temporary is put back", specs(world) == before, (before, specs(world), err)


def undo(folder, *more, run="killed"):
    return subprocess.run([SEAMLINE, "undo", folder / run, *more], capture_output=True, text=True, timeout=60,
                          check=False)


# All that config/rbac-readonly.yaml does not grant, as far as the rules go.
READ_ONLY = ["create:*", "update:*", "patch:*", "delete:*", "deletecollection:*", "*:configmaps", "*:namespaces"]


def observes(folder, world):
    """A run that changes nothing needs to read, and no more."""
    done = run(folder, "observes", world, [{"do": "observe", "until": "windows-closed"}], "--set", "cluster.mayChange=[]")
    journal = [json.loads(line) for line in (folder / "observes" / "undo.jsonl").read_text().splitlines()]
    yield "a run that observes does with rights to read", done.returncode == 0 and [
        list(line) for line in journal] == [["cluster"]], (done, journal)


def everything(folder):
    program = kubectl.find_kubectl(sys.argv[3])
    if program is None:
        yield "kubectl # SKIP set KUBECTL, or let apt-get download kubernetes-client", True, ""
        return
    with Veth(NAME, f"{ADDRESS}/24") as veth:
        server = veth.start([sys.executable, "-c", ACCEPT])
        try:
            for deny, tests in ((READ_ONLY, [observes]), (["patch:nodes"], [rights]), ([], [others, interrupted, kills, templates, fails, nodes, vips])):
                world = kubectl.World(sys.argv[2], program, *deny)
                try:
                    if deny is not READ_ONLY:
                        world.run("apply", "-f", "-", stdin=kubectl.MANIFEST)
                    for test in tests:
                        yield from test(folder, world)
                finally:
                    world.close()
        finally:
            server.kill()
            server.wait()


tap.run("mid-run", everything)
