#!/bin/bash
# The first process of a user-mode Linux: netem between two network namespaces, one train or loss count at a time.
# Kernel command line: OUT=folder CASES=file PY=python SELF=this script's folder.
# CASES has lines "name|netem arguments|job", the job as train.py has it.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys 2>/dev/null
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
for name in OUT CASES PY SELF; do
    declare "$name=$(sed -n "s/.*\b$name=\([^ ]*\).*/\1/p" /proc/cmdline)"
done
modules=$(ls -d /usr/lib/uml/modules/*/kernel | head -1)
for module in drivers/net/veth net/sched/sch_netem; do busybox insmod "$modules/$module.ko"; done
ip link set lo up
number=0
while IFS='|' read -r name netem job; do
    [ -z "$name" ] && continue
    number=$((number + 1))
    a=a$number b=b$number
    ip netns add $a
    ip netns add $b
    ip link add v$a type veth peer name v$b
    ip link set v$a netns $a address 02:00:00:00:00:0a
    ip link set v$b netns $b address 02:00:00:00:00:0b
    # Neighbour and router solicitations would take seconds of the link.
    for n in $a $b; do ip netns exec $n busybox sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'; done
    ip -n $a addr add 10.9.0.1/24 dev v$a
    ip -n $b addr add 10.9.0.2/24 dev v$b
    ip -n $a link set v$a up
    ip -n $b link set v$b up
    ip -n $a neigh replace 10.9.0.2 lladdr 02:00:00:00:00:0b dev v$a nud permanent
    ip -n $b neigh replace 10.9.0.1 lladdr 02:00:00:00:00:0a dev v$b nud permanent
    ip netns exec $a tc qdisc add dev v$a root netem $netem limit 1000 || { echo "refused: $netem"; continue; }
    # shellcheck disable=SC2086
    "$PY" "$SELF/train.py" netns $a $b "$OUT/$name" $job </dev/null
done < "$CASES"
busybox poweroff -f
