#!/bin/sh
# Pretends to put a machine back into the load balancer.
set -eu

echo "health check http://$GUIDEPOST_TARGET:8000/healthz: 200 OK"
sleep 0.2
echo "balancer: $GUIDEPOST_TARGET set to ready"
