"""Reads a pod's manifest and prints what does not fit in it."""
import sys

import yaml


def seconds(text):
    return float(text.removesuffix("s"))


def after(words, option):
    return seconds(words[words.index(option) + 1])


pod = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
spec = pod["spec"]
(box,) = spec["containers"]
volumes = {v["name"] for v in spec["volumes"]}

for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
    if after(box[probe]["exec"]["command"], "--timeout") >= box[probe]["timeoutSeconds"]:
        print(f"{probe}: kick's --timeout is not below timeoutSeconds")
hook = box["lifecycle"]["preStop"]["exec"]["command"]
if float(hook[-1]) + after(box["args"], "--shutdown") >= spec["terminationGracePeriodSeconds"]:
    print("preStop and --shutdown do not fit into terminationGracePeriodSeconds")
for mount in box["volumeMounts"]:
    if mount["name"] not in volumes:
        print(f"no volume {mount['name']}")
if not box["securityContext"]["readOnlyRootFilesystem"]:
    print("the root can be written to")
